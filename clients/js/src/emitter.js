/**
 * Listeners by the name of what they listen to, typed by a map from names to what is told.
 *
 * @template {object} M
 */
export class Emitter {
  constructor() {
    /** @type {Map<PropertyKey, Set<(told: any) => void>>} */
    this._listeners = new Map();
  }

  /**
   * Call `listener` whenever `name` happens. What is returned stops that.
   *
   * @template {keyof M} K
   * @param {K} name
   * @param {(told: M[K]) => void} listener
   * @returns {() => void}
   */
  on(name, listener) {
    let listeners = this._listeners.get(name);
    if (!listeners) this._listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * The next time that `name` happens.
   *
   * @template {keyof M} K
   * @param {K} name
   * @returns {Promise<M[K]>}
   */
  next(name) {
    return new Promise((resolve) => {
      const stop = this.on(name, (told) => {
        stop();
        resolve(told);
      });
    });
  }

  /**
   * @protected
   * @template {keyof M} K
   * @param {K} name
   * @param {M[K]} told
   */
  emit(name, told) {
    for (const listener of [...(this._listeners.get(name) ?? [])]) listener(told);
  }
}
