import { base64url, hex, joined, sha256 } from './bytes.js';
import { SottovoceError } from './errors.js';
import { open } from './hpke.js';

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{ sealing: CryptoKeyPair, proof: CryptoKeyPair }} Pairs */

const FINGERPRINT_OF = 'sottovoce namespace keys 1\0';
const DATABASE = 'sottovoce';
const STORE = 'namespaces';
const VERSION = 1;

const ALGORITHMS = {
  Ed25519: { alg: 'ed25519', number: 1, signed: 'ed25519', parameters: { name: 'Ed25519' } },
  ECDSA: { alg: 'es256', number: 2, signed: 'ecdsa-p256-sha256', parameters: { name: 'ECDSA', hash: 'SHA-256' } },
};

/**
 * The keys of a namespace: X25519 for what is sealed to it, Ed25519 (or ES256, where the browser has no other) for
 * proving to be it. The private halves cannot be taken out of the browser, by nobody.
 */
export class NamespaceKeys {
  /**
   * @param {Pairs} pairs
   * @param {{ sealing: string, proof: { alg: string, key: string } }} view what may be shown
   * @param {string} keyHash
   */
  constructor(pairs, view, keyHash) {
    this.pairs = pairs;
    /** The public halves, as they go over the wire. */
    this.view = view;
    /** Their fingerprint. */
    this.keyHash = keyHash;
  }

  /**
   * New ones, that are gone with the page.
   *
   * @throws {SottovoceError} `keys_unsupported`: this browser has no X25519
   */
  static async generate() {
    let sealing;
    try {
      sealing = await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
    } catch {
      throw new SottovoceError('keys_unsupported', 'This browser cannot make the keys (X25519): a newer one can');
    }
    return NamespaceKeys._of({ sealing: /** @type {CryptoKeyPair} */ (sealing), proof: await proofKeys() });
  }

  /**
   * The keys that this browser keeps under this name, new ones if there are none yet. Kept in IndexedDB, not extractable.
   *
   * @param {string} name the namespace's, say
   */
  static async kept(name) {
    const database = await openDatabase();
    try {
      const pairs = await request(database.transaction(STORE).objectStore(STORE).get(name));
      if (pairs !== undefined) return NamespaceKeys._of(pairs);
      const keys = await NamespaceKeys.generate();
      await request(database.transaction(STORE, 'readwrite').objectStore(STORE).put(keys.pairs, name));
      return keys;
    } finally {
      database.close();
    }
  }

  /**
   * Let them go: what was sealed to them opens for nobody any more.
   *
   * @param {string} name
   */
  static async forget(name) {
    const database = await openDatabase();
    await request(database.transaction(STORE, 'readwrite').objectStore(STORE).delete(name));
    database.close();
  }

  /** @param {Pairs} pairs */
  static async _of(pairs) {
    const sealing = new Uint8Array(await crypto.subtle.exportKey('raw', pairs.sealing.publicKey));
    const proof = new Uint8Array(await crypto.subtle.exportKey('raw', pairs.proof.publicKey));
    const { alg, number } = algorithm(pairs);
    const digest = await sha256(joined(FINGERPRINT_OF, sealing, new Uint8Array([number]), proof));
    const view = { sealing: base64url(sealing), proof: { alg, key: base64url(proof) } };
    return new NamespaceKeys(pairs, view, `sha256:${hex(digest)}`);
  }

  /**
   * What was sealed to the namespace.
   *
   * @param {'session_key' | 'task' | 'result'} purpose
   * @param {string} about the id of what it belongs to
   * @param {Bytes} sealed
   * @returns {Promise<Bytes>}
   * @throws {SottovoceError} `not_sealed_for_this`
   */
  async open(purpose, about, sealed) {
    try {
      if (sealed[0] !== VERSION) throw new RangeError();
      return await open(this.pairs.sealing, sealed.slice(1), joined(`sottovoce sealed 1\0${purpose}\0${about}`));
    } catch {
      throw new SottovoceError('not_sealed_for_this', 'This was changed, or sealed for something or somebody else');
    }
  }

  /**
   * @param {Bytes} text
   * @returns {Promise<Bytes>}
   */
  async sign(text) {
    const { parameters } = algorithm(this.pairs);
    return new Uint8Array(await crypto.subtle.sign(parameters, this.pairs.proof.privateKey, text));
  }

  /** How it signs, by the name in RFC 9421. */
  get signatureAlgorithm() {
    return algorithm(this.pairs).signed;
  }
}

/** @param {Pairs} pairs */
function algorithm({ proof }) {
  return ALGORITHMS[/** @type {keyof typeof ALGORITHMS} */ (proof.publicKey.algorithm.name)];
}

/** @returns {Promise<CryptoKeyPair>} */
async function proofKeys() {
  try {
    return /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']));
  } catch {
    return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return request(opening);
}

/**
 * @template T
 * @param {IDBRequest<T>} asked
 * @returns {Promise<T>}
 */
function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
