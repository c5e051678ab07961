/** Short ways to what the page is made of. */

/**
 * The element with this id.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function get(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no #${id}`);
  return /** @type {T} */ (element);
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Let an element read so. Untouched if it does already: a screen reader would tell it again.
 *
 * @param {Element | null} element
 * @param {string} text
 */
export function write(element, text) {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

/**
 * A button that does something.
 *
 * @param {string} text
 * @param {() => void} press
 * @param {string} [look] its class
 */
export function button(text, press, look = '') {
  const element = make('button', { type: 'button', class: look }, text);
  element.addEventListener('click', press);
  return element;
}
