import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launch } from './browser.js';
import { INSTANT, startServer } from './helpers.js';

test('a browser keeps the keys of a namespace, and lets nobody have their private halves', { timeout: 60_000 }, async () => {
  const [server, browser] = await Promise.all([startServer(INSTANT), launch()]);
  try {
    const { page } = await browser.open(`${server.url}/`);
    const keep = () =>
      page.evaluate(`import('./web/client/index.js').then(async ({ NamespaceKeys, VoiceClient }) => {
        const keys = await NamespaceKeys.kept('alice');
        const client = new VoiceClient(location.origin, { namespaceId: 'alice', keys });
        const session = await client.open();
        const taken = await crypto.subtle.exportKey('jwk', keys.pairs.sealing.privateKey).catch(({ name }) => name);
        const opened = session.key !== null;
        await session.end();
        return [keys.keyHash, taken, opened];
      })`);
    const [first, taken, opened] = /** @type {[string, string, boolean]} */ (await keep());
    assert.equal(taken, 'InvalidAccessError');
    assert.ok(opened);
    await page.reload();
    const [again] = /** @type {[string, string, boolean]} */ (await keep());
    assert.equal(again, first);
    await page.evaluate(`import('./web/client/index.js').then(({ NamespaceKeys }) => NamespaceKeys.forget('alice'))`);
    const [other] = /** @type {[string, string, boolean]} */ (await keep());
    assert.notEqual(other, first);
  } finally {
    await browser.close();
    await server.stop();
  }
});
