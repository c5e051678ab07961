import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';

import { ServerRefused, VoiceClient } from '../src/index.js';
import { apiKeys, breakable, INSTANT, startServer } from './helpers.js';

const keys = apiKeys();
const KEY = keys.add('one', 'js-key-*');
const NEXT = keys.add('two', '*');

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof breakable>>} */
let proxy;

before(async () => {
  server = await startServer({ ...INSTANT, ...keys.settings });
  proxy = await breakable(server.url);
});
after(async () => {
  await proxy?.stop();
  await server?.stop();
  keys.remove();
});

/** @param {import('../src/rest.js').Credential} [credential] */
const client = (credential, namespaceId = `js-key-${process.pid}`) =>
  new VoiceClient(proxy.url, { namespaceId, credential });

/** The credentials of the requests so far, by what was asked for; forgets them. */
function shown() {
  return proxy.asked.splice(0).map((head) => {
    const [, target] = /^\S+ (\S+)/.exec(head) ?? [];
    return { target, credential: /^authorization: *(.*?)\r$/im.exec(head)?.[1] };
  });
}

/** @param {Promise<unknown>} call @param {string} code */
async function refused(call, code) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ServerRefused);
    assert.deepEqual([error.status, error.code], [401, code]);
    for (const secret of [KEY, NEXT, 'canary']) assert.ok(!inspect(error).includes(secret));
    return true;
  });
}

test('every call shows the credential, and no stream does', async () => {
  shown();
  const session = await client(KEY).open();
  await session.startTask('note', { text: 'x' });
  assert.equal((await session.tasks()).length, 1);
  await session.end();
  const requests = shown();
  assert.equal(requests.length, 5);
  for (const { target, credential } of requests) {
    assert.equal(credential, target.startsWith('/ws/') ? undefined : `Bearer ${KEY}`, target);
    assert.ok(!target.includes(KEY));
  }
});

test('without a credential, or with a wrong one, the server says so', async () => {
  await refused(client().open(), 'credential_required');
  await refused(client('another-canary').examples('en'), 'credential_invalid');
  await assert.rejects(client(KEY, 'others').open(), { status: 403, code: 'namespace_not_allowed' });
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

test('a key that is withdrawn is replaced in the middle of a session', async () => {
  const old = keys.add('old', 'js-key-*');
  let current = old;
  const session = await client((refusal) => (refusal === undefined ? current : (current = KEY))).open();
  await keys.withdraw('old');
  assert.equal((await session.info()).status, 'active');
  assert.equal(current, KEY);
  await session.end();
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
  shown();
  for (const wrong of ['', 'two words', 'line\r\nX-Other: 1', 'schlüssel']) {
    await assert.rejects(client(wrong).examples('en'), { code: 'credential_unusable' });
  }
  assert.deepEqual(shown(), []);
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
