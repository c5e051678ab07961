/** Who may use the server: the access key, where it wants one, and the namespace that the key is for. */

import { NamespaceKeys, ServerRefused, SottovoceError, VoiceClient } from '../client/index.js';
import { hex } from '../client/bytes.js';
import { get, write } from './dom.js';

/** @typedef {import('../client/rest.js').Refusal} Refusal */
/** @typedef {'credential_required' | 'credential_invalid' | 'namespace_not_allowed'} Why */

const SERVER = new URL('.', document.baseURI).href;
const WRONG_NAMESPACE = 'namespace_not_allowed';
const dialog = /** @type {HTMLDialogElement} */ (get('access'));
const key = /** @type {HTMLInputElement} */ (get('access-key'));
const namespace = /** @type {HTMLInputElement} */ (get('access-namespace'));

/** In hexadecimal. @param {number} bytes */
function random(bytes) {
  return hex(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** What this tab keeps until it is closed; in memory only, where the browser lets a page keep nothing. */
class Kept {
  /** @param {string} name */
  constructor(name) {
    this._name = name;
    /** @type {string | undefined} */
    this._value = undefined;
    try {
      this._value = sessionStorage.getItem(name) ?? undefined;
    } catch {
      // Storage is turned off.
    }
  }

  get value() {
    return this._value;
  }

  set value(value) {
    this._value = value;
    try {
      if (value === undefined) sessionStorage.removeItem(this._name);
      else sessionStorage.setItem(this._name, value);
    } catch {
      // Storage is turned off.
    }
  }
}

/** The server, and what it wants to know before it lets one in: asked for when it says so. */
export class Access {
  /** @param {import('./texts.js').Texts} texts */
  constructor(texts) {
    this.texts = texts;
    this._key = new Kept('sottovoce.access-key');
    this._namespace = new Kept('sottovoce.namespace');
    /** A page keeps nothing, not even who it was: its keys are gone with it. @type {NamespaceKeys | undefined} */
    this._keys = undefined;
    this._keyHash = `sha256:${random(32)}`; // in place of keys: pages that are not secure have no cryptography
    this._own = `page-${random(16)}`;
    /** @type {Promise<boolean> | null} */
    this._asking = null;
    this.client = this._seenBy();
  }

  /** Make what takes a while. */
  async prepare() {
    this._keys = await NamespaceKeys.generate().catch(() => undefined);
    this.client = this._seenBy();
  }

  /** @private */
  _seenBy() {
    return new VoiceClient(SERVER, {
      namespaceId: this._namespace.value ?? this._own,
      keys: this._keys,
      keyHash: this._keyHash,
      credential: (refusal) => this._credential(refusal),
    });
  }

  /**
   * A new session, in a namespace that the key is for.
   *
   * @returns {Promise<import('../client/session.js').VoiceSession>}
   */
  async open() {
    while (true) {
      try {
        return await this.client.open();
      } catch (error) {
        const elsewhere = error instanceof ServerRefused && error.code === WRONG_NAMESPACE;
        if (!elsewhere || !(await this._ask(WRONG_NAMESPACE))) throw error;
      }
    }
  }

  /**
   * @private
   * @param {Refusal} [refusal]
   */
  async _credential(refusal) {
    const known = this._key.value;
    // What was refused may be an older one: another call has asked for it meanwhile, or does so now.
    if (refusal === undefined || (this._asking === null && refusal.credential !== known)) return known;
    return (await this._ask(/** @type {Why} */ (refusal.code))) ? this._key.value : undefined;
  }

  /**
   * Whether it was told; one dialog, whoever asks.
   *
   * @private
   * @param {Why} why
   */
  _ask(why) {
    this._asking ??= this._askNow(why).finally(() => (this._asking = null));
    return this._asking;
  }

  /**
   * @private
   * @param {Why} why
   * @returns {Promise<boolean>}
   */
  _askNow(why) {
    this._show(why);
    return new Promise((resolve) => {
      const over = new AbortController();
      const { signal } = over;
      get('access-form').addEventListener(
        'submit',
        async (event) => {
          event.preventDefault();
          if (!(await this._accepted())) return;
          this._keep();
          dialog.close('told');
        },
        { signal },
      );
      get('access-cancel').addEventListener('click', () => dialog.close(), { signal });
      dialog.addEventListener(
        'close',
        () => {
          over.abort();
          key.value = ''; // the page's own elements hold it no longer than needed
          resolve(dialog.returnValue === 'told');
        },
        { signal },
      );
    });
  }

  /**
   * @private
   * @param {Why} why
   */
  _show(why) {
    const { all } = this.texts;
    const elsewhere = why === WRONG_NAMESPACE;
    if (!elsewhere) this._key.value = undefined; // it opens nothing any more
    write(get('access-why'), elsewhere ? all.accessWhyNamespace : all.accessWhy);
    get('access-namespace-row').hidden = !elsewhere;
    namespace.required = elsewhere;
    key.value = this._key.value ?? '';
    namespace.value = this._namespace.value ?? '';
    const untried = why === 'credential_required' || (elsewhere && this._namespace.value === undefined);
    this._say(untried ? '' : this.texts.problem(why, {}), elsewhere ? namespace : key);
    dialog.returnValue = '';
    dialog.showModal();
    (elsewhere ? namespace : key).focus();
  }

  /**
   * What is wrong, and with which field; nothing: all is well.
   *
   * @private
   * @param {string} text
   * @param {HTMLInputElement} field
   */
  _say(text, field) {
    write(get('access-wrong'), text);
    for (const each of [key, namespace]) {
      each.setAttribute('aria-invalid', String(text !== '' && each === field));
    }
  }

  /** Whether the server takes the key that was typed. @private */
  async _accepted() {
    const typed = key.value.trim();
    this._say('', key);
    try {
      await new VoiceClient(SERVER, { namespaceId: this._own, credential: typed }).examples(this.texts.language);
      return dialog.open && typed === key.value.trim(); // it may have been closed, or changed, meanwhile
    } catch (error) {
      if (!(error instanceof SottovoceError)) throw error;
      this._say(this.texts.problem(error.code, { message: error.message }), key);
      key.select();
      key.focus();
      return false;
    }
  }

  /** @private */
  _keep() {
    this._key.value = key.value.trim();
    if (namespace.required) this._namespace.value = namespace.value.trim();
    this.client = this._seenBy();
  }
}
