/**
 * HPKE (RFC 9180), the one suite that the server uses: X25519, HKDF-SHA256, AES-256-GCM, base mode, one message.
 *
 * On WebCrypto alone: a page without a build step cannot load a package, and all the rules are these few. The tests hold
 * it against the vectors of the RFC, against `@hpke/core`, and against the server.
 */

import { joined } from './bytes.js';

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const AEAD_IDS = { 16: 0x0001, 32: 0x0002 }; // AES-128-GCM is for the vectors of the RFC
const ENC_BYTES = 32;
const NONCE_BYTES = 12;
const NOTHING = new Uint8Array();

/** @typedef {16 | 32} KeyBytes of the AEAD's key */

/**
 * @param {CryptoKeyPair} keys the recipient's, X25519
 * @param {Bytes} sealed the encapsulated key, then the ciphertext with its tag
 * @param {Bytes} info what it has to be for
 * @param {{ aad?: Bytes, keyBytes?: KeyBytes }} [options]
 * @returns {Promise<Bytes>}
 * @throws {DOMException} if anything of it was changed
 */
export async function open(keys, sealed, info, { aad = NOTHING, keyBytes = 32 } = {}) {
  const enc = sealed.slice(0, ENC_BYTES);
  const ephemeral = await crypto.subtle.importKey('raw', enc, 'X25519', true, []);
  const shared = await sharedSecret(keys.privateKey, ephemeral, enc, await raw(keys.publicKey));
  const { key, nonce } = await schedule(shared, info, keyBytes, ['decrypt']);
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: aad };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed.slice(ENC_BYTES)));
}

/**
 * @param {CryptoKey} to the recipient's public key, X25519
 * @param {Bytes} text
 * @param {Bytes} info
 * @returns {Promise<Bytes>} the encapsulated key, then the ciphertext with its tag
 */
export async function seal(to, text, info) {
  const ephemeral = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('X25519', true, ['deriveBits']));
  const enc = await raw(ephemeral.publicKey);
  const shared = await sharedSecret(ephemeral.privateKey, to, enc, await raw(to));
  const { key, nonce } = await schedule(shared, info, 32, ['encrypt']);
  return joined(enc, new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, text)));
}

/**
 * DHKEM, RFC 9180, 4.1.
 *
 * @param {CryptoKey} own
 * @param {CryptoKey} others
 * @param {Bytes} enc
 * @param {Bytes} recipient
 */
async function sharedSecret(own, others, enc, recipient) {
  const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: others }, own, 256));
  const suite = joined('KEM', number(KEM_ID));
  const prk = await extract(suite, NOTHING, 'eae_prk', dh);
  return expand(suite, prk, 'shared_secret', joined(enc, recipient), 32);
}

/**
 * RFC 9180, 5.1, base mode.
 *
 * @param {Bytes} shared
 * @param {Bytes} info
 * @param {KeyBytes} keyBytes
 * @param {KeyUsage[]} usages
 */
async function schedule(shared, info, keyBytes, usages) {
  const suite = joined('HPKE', number(KEM_ID), number(KDF_ID), number(AEAD_IDS[keyBytes]));
  const context = joined(
    new Uint8Array(1),
    await extract(suite, NOTHING, 'psk_id_hash', NOTHING),
    await extract(suite, NOTHING, 'info_hash', info),
  );
  const secret = await extract(suite, shared, 'secret', NOTHING);
  const key = await expand(suite, secret, 'key', context, keyBytes);
  return {
    key: await crypto.subtle.importKey('raw', key, 'AES-GCM', false, usages),
    nonce: await expand(suite, secret, 'base_nonce', context, NONCE_BYTES),
  };
}

/** @param {Bytes} suite @param {Bytes} salt @param {string} label @param {Bytes} input */
function extract(suite, salt, label, input) {
  // WebCrypto has no HMAC key without bytes; one of zeros is the same key.
  return hmac(salt.length > 0 ? salt : new Uint8Array(32), joined('HPKE-v1', suite, label, input));
}

/** @param {Bytes} suite @param {Bytes} prk @param {string} label @param {Bytes} info @param {number} length at most 32 */
async function expand(suite, prk, label, info, length) {
  const block = await hmac(prk, joined(number(length), 'HPKE-v1', suite, label, info, new Uint8Array([1])));
  return block.slice(0, length);
}

/** @param {Bytes} secret @param {Bytes} text */
async function hmac(secret, text) {
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, text));
}

/** Two bytes, big-endian. @param {number} value */
const number = (value) => new Uint8Array([value >> 8, value & 0xff]);

/** @param {CryptoKey} key */
const raw = async (key) => new Uint8Array(await crypto.subtle.exportKey('raw', key));
