import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { NamespaceKeys, ServerRefused, VoiceClient } from '../src/index.js';
import { INSTANT, startServer } from './helpers.js';

/** @type {{ url: string, stop: () => Promise<void> }} */
let server;

before(async () => (server = await startServer(INSTANT)));
after(() => server.stop());

test('a namespace with keys signs its calls, and opens what is sealed to it', async () => {
  const keys = await NamespaceKeys.generate();
  const client = new VoiceClient(server.url, { namespaceId: 'js:keys', keys });
  const session = await client.open();
  assert.notEqual(session.key, null);
  const note = await session.startTask('note', { text: 'the key is under the mat' });
  const sealed = await session.sealedResult(note.id);
  assert.equal((await client.sessions()).length, 1);
  await session.end();
  assert.deepEqual(await client.openResult(note.id, String(sealed)), { text: 'the key is under the mat' });
});

test('nobody else can act in it', async () => {
  const client = new VoiceClient(server.url, { namespaceId: 'js-owned', keys: await NamespaceKeys.generate() });
  const session = await client.open();
  const thief = new VoiceClient(server.url, { namespaceId: 'js-owned', keys: await NamespaceKeys.generate() });
  await assert.rejects(thief.open(), (error) => error instanceof ServerRefused && error.status === 401);
  const response = await fetch(`${server.url}/api/v1/sessions/${session.id}`);
  assert.equal((await response.json()).code, 'proof_required');
  await session.end();
});

test('private keys cannot be taken out', async () => {
  const { pairs } = await NamespaceKeys.generate();
  for (const { privateKey } of [pairs.sealing, pairs.proof]) {
    assert.equal(privateKey.extractable, false);
    await assert.rejects(crypto.subtle.exportKey('jwk', privateKey));
  }
});
