/** The talk page of a server that wants to know who calls: it asks for the key, and goes on where it was. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, violations } from './browser.js';
import { apiKeys, INSTANT, startServer } from './helpers.js';

/** @typedef {import('playwright-core').Page} Page */

const keys = apiKeys();
const KEY = keys.add('one', 'page-*');
const NEXT = keys.add('two', '*');
const SCHOOLS = keys.add('schools', 'school.1');
/** What the browser itself says of a call that is refused. */
const REFUSED = /Failed to load resource: the server responded with a status of 40[13]/;

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;

before(async () => (server = await startServer({ ...INSTANT, ...keys.settings })));
after(async () => {
  await server?.stop();
  keys.remove();
});

/**
 * @param {string} name
 * @param {(page: Page) => Promise<void>} body
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
function guardedPage(name, body, options) {
  test(name, { timeout: 60_000 }, async () => {
    const browser = await launch();
    try {
      const { page, complaints } = await browser.open(`${server.url}/`, options);
      await body(page);
      assert.deepEqual(
        complaints.filter((each) => !REFUSED.test(each)),
        [],
      );
    } finally {
      await browser.close();
    }
  });
}

/** @param {Page} page @param {string} key */
async function enter(page, key) {
  await page.locator('#access-key').fill(key);
  await page.keyboard.press('Enter');
}

/** @param {Page} page */
const gone = (page) => page.locator('#access').waitFor({ state: 'hidden' });

/** @param {Page} page @param {string} text */
async function type(page, text) {
  await page.fill('#typed', text);
  await page.press('#typed', 'Enter');
}

/** @param {Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.id);

guardedPage('it asks for the key, says what is wrong with one, and then one talks', async (page) => {
  const dialog = page.getByRole('dialog', { name: 'This server wants a key' });
  await dialog.waitFor();
  assert.equal(await focused(page), 'access-key');
  assert.equal(await page.getByLabel('Access key').getAttribute('type'), 'password');
  assert.equal(await page.getByLabel('Namespace').isVisible(), false);
  assert.deepEqual(await violations(page), []);
  await enter(page, 'no key at all');
  await dialog.getByRole('alert').filter({ hasText: 'This is no access key' }).waitFor();
  await enter(page, 'sv_nobodys');
  await dialog.getByRole('alert').filter({ hasText: 'does not take this access key' }).waitFor();
  assert.equal(await focused(page), 'access-key');
  assert.equal(await page.getByLabel('Access key').getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await violations(page), []);
  await enter(page, KEY);
  await gone(page);
  assert.equal(await page.locator('#problem').isVisible(), false);
  await page.click('#help summary');
  await page.locator('#help button').first().waitFor();
  await page.click('#start-typing');
  await type(page, 'what time is it');
  await page.locator('#transcript .assistant:not(.partial)', { hasText: /It is/ }).waitFor();
});

guardedPage('the key is kept in this tab only, and asked for once', async (page) => {
  /** @type {string[]} */
  const addresses = [];
  page.on('request', (request) => void addresses.push(request.url()));
  await enter(page, KEY);
  await gone(page);
  await page.reload();
  await page.click('#help summary');
  await page.locator('#help button').first().waitFor();
  assert.equal(await page.locator('#access').isVisible(), false);
  const kept = await page.evaluate(async () => [
    Object.values(sessionStorage),
    localStorage.length,
    document.cookie,
    (await indexedDB.databases()).length,
  ]);
  assert.deepEqual(kept, [[KEY], 0, '', 0]);
  assert.ok(!(await page.content()).includes(KEY));
  assert.ok(addresses.some((each) => each.includes('/api/v1/examples')));
  assert.ok(!addresses.join().includes(KEY));
});

guardedPage('a key that is withdrawn in the middle is asked for, and what was pressed is done', async (page) => {
  await enter(page, keys.add('middle', 'page-*'));
  await gone(page);
  await page.click('#start-typing');
  await type(page, 'set a timer for five minutes');
  const cancel = page.locator('#working').getByRole('button', { name: 'Cancel' });
  await cancel.waitFor();
  await keys.withdraw('middle');
  await cancel.click();
  await page.getByRole('alert').filter({ hasText: 'was withdrawn' }).waitFor();
  assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), []);
  await enter(page, NEXT);
  await gone(page);
  await page.locator('#finished li[data-state=cancelled]').waitFor();
  assert.equal(await page.locator('#transcript .user').count(), 1, 'the conversation goes on');
});

guardedPage('who has no key closes it, is told, and can come back to it by the keyboard', async (page) => {
  await page.locator('#access').waitFor();
  await page.keyboard.press('Escape');
  await gone(page);
  await page.locator('#problem', { hasText: 'with an access key only' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.focus('#start-typing');
  await page.keyboard.press('Enter');
  await page.locator('#access').waitFor();
  assert.equal(await focused(page), 'access-key');
  await page.getByRole('button', { name: 'Not now' }).click();
  await gone(page);
  assert.equal(await page.locator('#start-typing').isVisible(), true);
  await page.click('#start-typing');
  await enter(page, KEY);
  await gone(page);
  await page.locator('#typed:focus').waitFor();
  assert.equal(await page.locator('#problem').isVisible(), false);
});

guardedPage('two calls that are refused at once ask once', async (page) => {
  await enter(page, keys.add('both', 'page-*'));
  await gone(page);
  await keys.withdraw('both');
  await page.evaluate(() => {
    const language = /** @type {HTMLSelectElement} */ (document.getElementById('language'));
    for (const each of ['en', 'de']) {
      language.value = each;
      language.dispatchEvent(new Event('change'));
    }
  });
  await enter(page, NEXT);
  await gone(page);
  await page.click('#help summary');
  await page.locator('#help button', { hasText: 'Timer auf' }).first().waitFor();
  assert.equal(await page.locator('#access').isVisible(), false);
  assert.equal(await page.locator('#problem').isVisible(), false);
});

guardedPage('a key that is for one namespace asks for its name', async (page) => {
  await enter(page, SCHOOLS);
  await gone(page);
  await page.click('#start-typing');
  const dialog = page.locator('#access');
  await dialog.filter({ hasText: 'Enter its name' }).waitFor();
  assert.equal(await focused(page), 'access-namespace');
  assert.equal(await page.locator('#access-wrong').innerText(), '', 'nobody has done anything wrong yet');
  assert.deepEqual(await violations(page), []);
  await page.keyboard.type('school.2');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').filter({ hasText: 'not for this namespace' }).waitFor();
  assert.equal(await page.getByLabel('Namespace').getAttribute('aria-invalid'), 'true');
  await page.getByLabel('Namespace').fill('school.1');
  await page.keyboard.press('Enter');
  await page.locator('#typed:focus').waitFor();
  await type(page, 'what time is it');
  await page.locator('#transcript .assistant', { hasText: /It is/ }).waitFor();
  assert.deepEqual((await page.evaluate(() => Object.values(sessionStorage))).sort(), ['school.1', SCHOOLS]);
});

for (const [name, options] of /** @type {[string, import('playwright-core').BrowserContextOptions][]} */ ([
  ['in German, on a phone', { locale: 'de-DE', viewport: { width: 320, height: 568 }, hasTouch: true }],
  ['in German, dark', { locale: 'de-DE', colorScheme: 'dark' }],
])) {
  guardedPage(`the dialog fits and axe-core finds nothing: ${name}`, async (page) => {
    await page.getByRole('dialog', { name: 'Dieser Server will einen Schlüssel' }).waitFor();
    await enter(page, 'falsch');
    await page.getByRole('alert').filter({ hasText: 'zurückgezogen' }).waitFor();
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const { scrollWidth, clientWidth } = await page.locator('#access').evaluate((each) => each);
    assert.ok(!(scrollWidth > clientWidth));
    await enter(page, SCHOOLS);
    await gone(page);
    await page.click('#start-typing');
    await page.locator('#access', { hasText: 'Namensraum' }).waitFor();
    assert.deepEqual(await violations(page), []);
  }, options);
}
