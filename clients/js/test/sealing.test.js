import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

import { fromBase64url, base64url, joined } from '../src/bytes.js';
import { open, seal } from '../src/hpke.js';
import { NamespaceKeys, SessionKey } from '../src/index.js';
import { ROOT } from './helpers.js';

const VECTORS = JSON.parse(readFileSync(`${ROOT}tests/data/sealing/vectors.json`, 'utf8'));
const SUITE = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const INFO = joined('sottovoce test');
const WORDS = joined('the key is under the mat');

/** @param {string} text */
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));

/**
 * A key pair out of the 32 bytes of its private half.
 *
 * @param {Uint8Array} secret
 * @param {string} open its public half, base64url
 */
async function pair(secret, open) {
  const jwk = { kty: 'OKP', crv: 'X25519', d: base64url(secret), x: open };
  const { d: _, ...half } = jwk;
  return {
    privateKey: await crypto.subtle.importKey('jwk', jwk, 'X25519', true, ['deriveBits']),
    publicKey: await crypto.subtle.importKey('jwk', half, 'X25519', true, []),
  };
}

const generated = async () =>
  /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('X25519', true, ['deriveBits']));

/** Every bit of it flipped, one at a time. @param {Uint8Array} bytes */
function* flipped(bytes) {
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = Uint8Array.from(bytes);
    changed[bit >> 3] ^= 1 << (bit & 7);
    yield changed;
  }
}

test('the example of RFC 9180, A.1.1, opens', async () => {
  const keys = await pair(
    fromHex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8'),
    base64url(fromHex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d')),
  );
  const sealed = fromHex(
    '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431' +
      'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
  );
  const info = fromHex('4f6465206f6e2061204772656369616e2055726e');
  const text = await open(keys, sealed, info, { aad: joined('Count-0'), keyBytes: 16 });
  assert.equal(new TextDecoder().decode(text), 'Beauty is truth, truth beauty');
});

test('@hpke/core opens what we seal, and we what it seals', async () => {
  const keys = await generated();
  const sealed = await seal(keys.publicKey, WORDS, INFO);
  const theirs = await SUITE.open(
    { recipientKey: keys, enc: sealed.slice(0, 32).buffer, info: INFO.buffer },
    sealed.slice(32).buffer,
  );
  assert.deepEqual(new Uint8Array(theirs), WORDS);
  const { enc, ct } = await SUITE.seal({ recipientPublicKey: keys.publicKey, info: INFO.buffer }, WORDS.buffer);
  assert.deepEqual(await open(keys, joined(new Uint8Array(enc), new Uint8Array(ct)), INFO), WORDS);
});

test('what the server sealed opens here, by ours and by @hpke/core', async () => {
  const { namespace, session_id: sessionId } = VECTORS;
  const sealing = await pair(fromBase64url(namespace.sealing_private), namespace.public_keys.sealing);
  const proof = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']));
  const keys = await NamespaceKeys._of({ sealing, proof });
  const secret = await keys.open('session_key', sessionId, fromBase64url(VECTORS.sealed_session_key));
  assert.equal(base64url(secret), VECTORS.session_key);
  const result = await keys.open('result', VECTORS.task_id, fromBase64url(VECTORS.sealed_result));
  assert.equal(new TextDecoder().decode(result), VECTORS.result);
  const sealed = fromBase64url(VECTORS.sealed_result).slice(1);
  const theirs = await SUITE.open(
    {
      recipientKey: sealing,
      enc: sealed.slice(0, 32).buffer,
      info: joined(`sottovoce sealed 1\0result\0${VECTORS.task_id}`).buffer,
    },
    sealed.slice(32).buffer,
  );
  assert.equal(new TextDecoder().decode(theirs), VECTORS.result);
  const key = await SessionKey.of(sessionId, secret);
  const record = await key.open('task', fromBase64url(VECTORS.task_record));
  assert.equal(new TextDecoder().decode(record), VECTORS.result);
  await assert.rejects(keys.open('result', sessionId, fromBase64url(VECTORS.sealed_result)), {
    code: 'not_sealed_for_this',
  });
});

test('what is sealed here opens in Python', async () => {
  const sealing = await pair(
    fromBase64url(VECTORS.namespace.sealing_private),
    VECTORS.namespace.public_keys.sealing,
  );
  const info = joined(`sottovoce sealed 1\0result\0${VECTORS.task_id}`);
  const sealed = joined(new Uint8Array([1]), await seal(sealing.publicKey, WORDS, info));
  const program = `
import sys
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sottovoce.vault.keys import decode
from sottovoce.vault.sealing import Purpose, open_sealed
secret, about, sealed = sys.argv[1:]
sys.stdout.buffer.write(open_sealed(X25519PrivateKey.from_private_bytes(decode(secret)), Purpose.RESULT, about, decode(sealed)))
`;
  const opened = execFileSync(`${ROOT}.venv/bin/python`, [
    '-c',
    program,
    VECTORS.namespace.sealing_private,
    VECTORS.task_id,
    base64url(sealed),
  ]);
  assert.deepEqual(Uint8Array.from(opened), WORDS);
});

test('a flipped bit anywhere is refused', async () => {
  const keys = await generated();
  const sealed = await seal(keys.publicKey, WORDS, INFO);
  for (const changed of flipped(sealed)) await assert.rejects(open(keys, changed, INFO));
  const key = await SessionKey.of(VECTORS.session_id, fromBase64url(VECTORS.session_key));
  for (const changed of flipped(fromBase64url(VECTORS.task_record))) {
    await assert.rejects(key.open('task', changed), { code: 'not_sealed_for_this' });
  }
});
