import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';

import { ServerRefused, VoiceClient } from '../src/index.js';
import { guarded } from './guarded.js';
import { INSTANT, startServer } from './helpers.js';

const KEY = 'key-Canary_1';
const NEXT = 'eyJ.canary~2+/=';

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof guarded>>} */
let door;

before(async () => {
  server = await startServer(INSTANT);
  door = await guarded(server.url, { [KEY]: null, [NEXT]: null });
});
after(async () => {
  await door?.stop();
  await server?.stop();
});

/** @param {import('../src/rest.js').Credential} [credential] */
const client = (credential) => new VoiceClient(door.url, { namespaceId: `js-key-${process.pid}`, credential });

/** @param {Promise<unknown>} call @param {string} code */
async function refused(call, code) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ServerRefused);
    assert.deepEqual([error.status, error.code], [401, code]);
    assert.ok(!inspect(error).includes('anary'));
    return true;
  });
}

test('every call shows the credential, and no stream does', async () => {
  door.came.length = 0;
  const session = await client(KEY).open();
  await session.startTask('note', { text: 'x' });
  assert.equal((await session.tasks()).length, 1);
  await session.end();
  assert.equal(door.came.length, 4);
  for (const [call, credential] of door.came) assert.equal(credential, `Bearer ${KEY}`, call);
});

test('without a credential, or with a wrong one, the server says so', async () => {
  await refused(client().open(), 'credential_required');
  await refused(client('another-canary').examples('en'), 'credential_invalid');
});

test('a function is asked before each call, and once more with what was refused', async () => {
  /** @type {unknown[]} */
  const asked = [];
  const tokens = client(async (refusal) => {
    asked.push(refusal);
    return refusal === undefined ? 'expired-canary' : NEXT;
  });
  assert.ok((await tokens.examples('en')).length > 0);
  assert.deepEqual(asked, [undefined, { code: 'credential_invalid', credential: 'expired-canary' }]);
});

test('a function that knows no better leaves it at the refusal, and is not asked for ever', async () => {
  let asked = 0;
  await refused(client(() => void asked++).examples('en'), 'credential_required');
  assert.equal(asked, 2);
  await refused(client(() => `canary-${++asked}`).examples('en'), 'credential_invalid');
  assert.equal(asked, 4);
});

test('what fails for another reason is not tried with another credential', async () => {
  let asked = 0;
  const who = client(() => (asked++, KEY));
  await assert.rejects(who.examples('fr'), { code: 'language_not_supported' });
  assert.equal(asked, 1);
});

test('what can be no credential is sent to nobody', async () => {
  door.came.length = 0;
  for (const wrong of ['', 'two words', 'line\r\nX-Other: 1', 'schlüssel']) {
    await assert.rejects(client(wrong).examples('en'), { code: 'credential_unusable' });
  }
  assert.equal(door.came.length, 0);
});

test('nobody who prints the client or the session prints the credential', async () => {
  const who = client(KEY);
  const session = await who.open();
  for (const each of [who, session]) {
    assert.ok(!inspect(each, { depth: 9, showHidden: true }).includes(KEY));
    assert.ok(!JSON.stringify(each._rest).includes(KEY));
  }
  await session.end();
});
