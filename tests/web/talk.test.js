import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, violations } from './browser.js';
import { startServer } from './helpers.js';

const AUSTEN = 'tests/data/speech/austen-0880.wav';
const MOST_MS = 900;

/** @typedef {import('playwright-core').Page} Page */

/** @type {{ url: string, stop: () => Promise<void> }} */
let server;

before(async () => (server = await startServer({})));
after(() => server.stop());

/**
 * In a browser of its own; nothing may be complained of in its console.
 *
 * @param {string} name
 * @param {Parameters<typeof launch>[0]} microphone
 * @param {(page: Page) => Promise<void>} body
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
function talking(name, microphone, body, options) {
  test(name, { timeout: 180_000 }, async () => {
    const browser = await launch(microphone);
    try {
      const { page, complaints } = await browser.open(`${server.url}/`, options);
      await body(page);
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });
}

/** @param {Page} page */
const turn = (page) => page.locator('body').getAttribute('data-turn');

/** @param {Page} page @param {string} text */
async function type(page, text) {
  await page.fill('#typed', text);
  await page.press('#typed', 'Enter');
}

/** @param {Page} page @param {string} who @param {RegExp} text */
const said = (page, who, text) => page.locator(`#transcript .${who}:not(.partial)`, { hasText: text });

talking(
  'a spoken command is shown as it forms, answered aloud, and is a task that is done in its time',
  { says: [1, 'remind me to buy milk in ten seconds'] },
  async (page) => {
    await page.click('#start');
    await page.locator('#transcript .user.partial', { hasText: 'remind me' }).waitFor({ timeout: 15_000 });
    await said(page, 'user', /remind me to .* in ten seconds/).waitFor();
    await page.locator('body[data-turn=speaking]').waitFor();
    await said(page, 'assistant', /I'll remind you/).waitFor();
    await page.locator('#working li[data-type=reminder]').waitFor();
    await page.locator('#finished li[data-type=reminder][data-state=completed]').waitFor({ timeout: 20_000 });
    await said(page, 'assistant', /Reminder/).waitFor();
  },
);

talking(
  'what people say is heard, and what was said is forgotten at the end, but for counts',
  { says: [1, AUSTEN] },
  async (page) => {
    await page.click('#start');
    await page.locator('#level:not([aria-valuenow="0"])').waitFor({ timeout: 15_000 });
    await page.locator('#transcript .user.partial').waitFor({ timeout: 15_000 });
    const line = said(page, 'user', /\w+ \w+ \w+/).first();
    await line.waitFor({ timeout: 40_000 });
    const words = (await line.innerText()).split(/\s+/).slice(1, 4).join(' ');
    await page.click('#end');
    await page.locator('#ended').waitFor();
    const ended = await page.locator('#ended').innerText();
    assert.match(ended, /^Forgotten: \d+ messages?, \d+ answers?, 0 tasks and \d+ s of your voice\. Nothing is left/);
    assert.ok(!(await page.content()).includes(words), 'nothing said is left on the page');
    assert.equal(await turn(page), 'off');
    const kept = await page.evaluate(async () => [
      localStorage.length,
      sessionStorage.length,
      document.cookie,
      (await indexedDB.databases()).length,
    ]);
    assert.deepEqual(kept, [0, 0, '', 0]);
  },
);

talking(
  'who speaks over an answer cuts it to what was heard',
  { says: [1, 'what can i say', 3.5, 'what time is it'] },
  async (page) => {
    await page.click('#start');
    await page.locator('body[data-turn=speaking]').waitFor({ timeout: 15_000 });
    const cut = page.locator('#transcript .assistant.cut');
    await cut.waitFor({ timeout: 15_000 });
    assert.match(await cut.innerText(), /You can say: [\s\S]* — interrupted$/);
    assert.ok((await cut.innerText()).length < 130, 'most of it was not heard');
    await page.locator('#transcript .assistant:not(.cut)').waitFor();
    assert.equal(await page.locator('#transcript .user:not(.partial)').count(), 2);
  },
);

talking('a microphone that is refused leaves typing, and the page says why', { says: [1], allowed: false }, async (page) => {
  await page.click('#start');
  await page.locator('#problem', { hasText: 'does not let this page use the microphone' }).waitFor();
  assert.equal(await page.locator('#turn').innerText(), 'Type something');
  await type(page, 'what time is it');
  await said(page, 'assistant', /It is /).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.context().grantPermissions(['microphone']);
  await page.click('#microphone');
  await page.locator('#mute').waitFor();
  assert.equal(await page.locator('#problem').isVisible(), false);
});

talking('without a microphone one types, asks what can be said, confirms and refuses', {}, async (page) => {
  await page.click('#start');
  await page.locator('#problem', { hasText: 'No microphone was found' }).waitFor();
  await page.click('#help summary');
  await page.click('#help button >> text=set a timer for five minutes');
  await page.locator('#working li[data-type=timer]').waitFor();
  await type(page, 'delete all timers');
  const asking = page.locator('#asking li[data-type=delete]');
  await asking.getByRole('button', { name: 'No' }).click();
  await page.locator('#finished li[data-type=delete]').waitFor();
  await type(page, 'delete all timers');
  await asking.getByRole('button', { name: 'Yes' }).click();
  await page.locator('#working li[data-type=timer]').waitFor({ state: 'detached' });
});

talking('a task is cancelled on the board, by the keyboard alone', {}, async (page) => {
  await page.focus('#start-typing');
  await page.keyboard.press('Enter');
  await page.locator('#typed:focus').waitFor();
  await page.keyboard.type('remind me to call anna in ten minutes');
  await page.keyboard.press('Enter');
  const card = page.locator('#working li[data-type=reminder]');
  await card.getByRole('button', { name: 'Cancel' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#finished li[data-type=reminder][data-state=cancelled]').waitFor();
  assert.equal(await page.locator('#announcer').innerText(), 'Reminder: cancelled');
});

talking('in German the page, its examples and the answers are German', {}, async (page) => {
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  await page.click('#start-typing');
  await page.locator('#problem', { hasText: 'hört nur Englisch' }).waitFor();
  await type(page, 'wie spät ist es');
  await said(page, 'assistant', /Es ist .* Uhr/).waitFor();
  await page.click('#help summary');
  await page.click('#help button >> text=stell einen Timer auf fünf Minuten');
  await page.locator('#working li', { hasText: '5:00' }).waitFor();
  await page.selectOption('#language', 'en');
  await type(page, 'what time is it');
  await said(page, 'assistant', /It is /).waitFor();
}, { locale: 'de-DE' });

talking(
  'a button that is held makes a turn, and muting sends silence',
  { says: [2, 'what time is it', 5, 'what day is it', 2, 'what can i say'] },
  async (page) => {
    await page.click('#start');
    await page.check('#push-to-talk');
    const hold = page.locator('#hold');
    await hold.focus();
    await page.keyboard.down('Space');
    await page.waitForTimeout(4_000);
    await page.keyboard.up('Space');
    await said(page, 'user', /\w+ \w+/).waitFor();
    await said(page, 'assistant', /\w+ \w+/).waitFor();
    await page.uncheck('#push-to-talk');
    await page.click('#mute');
    await page.locator('#turn', { hasText: 'Muted' }).waitFor();
    await page.waitForTimeout(6_000);
    assert.equal(await page.locator('#transcript .user').count(), 1, 'what is said while muted is heard by nobody');
    await page.click('#mute');
    assert.equal(await page.locator('#mute').getAttribute('aria-pressed'), 'false');
  },
);

talking('goodbye ends it', {}, async (page) => {
  await page.click('#start-typing');
  await type(page, 'goodbye');
  await page.locator('#ended', { hasText: 'You said goodbye. Forgotten: 2 messages' }).waitFor();
  assert.equal(await page.locator('#start').innerText(), 'Talk again');
});

const COMMANDS = ['what time is it', 'what day is it'];
const ANSWERS = 20; // of which one may be slow: the machines that run this are shared

talking(
  'from the end of speech to the first sound of the answer it takes little',
  { says: [1, ...Array(ANSWERS / 2).fill(COMMANDS).flat().flatMap((command) => [command, 3.6])] },
  async (page) => {
    await page.evaluate(() => {
      /** @type {any} */ (window).latencies = [];
      new MutationObserver(() => /** @type {any} */ (window).latencies.push(Number(document.body.dataset.latencyMs))).observe(
        document.body,
        { attributeFilter: ['data-latency-ms'] },
      );
    });
    await page.click('#start');
    await page.waitForFunction(() => /** @type {any} */ (window).latencies.length >= 20, undefined, { timeout: 140_000 });
    const latencies = /** @type {number[]} */ (await page.evaluate('window.latencies')).sort((a, b) => a - b);
    const p95 = latencies[Math.ceil(latencies.length * 0.95) - 1];
    console.log(`from the end of speech to the first sound in the page: p95 ${p95} ms of ${latencies} (at most ${MOST_MS})`);
    assert.ok(p95 <= MOST_MS, `${p95} ms`);
  },
);

for (const [name, options] of /** @type {[string, import('playwright-core').BrowserContextOptions][]} */ ([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true }],
  ['with less motion', { reducedMotion: 'reduce', colorScheme: 'dark' }],
])) {
  talking(`axe-core finds nothing: ${name}`, {}, async (page) => {
    assert.deepEqual(await violations(page), []);
    await page.click('#start');
    await page.locator('#problem').waitFor();
    await type(page, 'set a timer for five minutes');
    await page.locator('#working li').waitFor();
    await type(page, 'delete all timers');
    await page.locator('#asking li').waitFor();
    await page.click('#help summary');
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways');
    await page.click('#end');
    await page.locator('#ended').waitFor();
    assert.deepEqual(await violations(page), []);
  }, options);
}
