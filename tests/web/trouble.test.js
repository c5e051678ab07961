/** The talk page when something goes wrong, comes at a bad moment, or is done in another way than by speaking. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from './browser.js';
import { apiKeys, breakable, INSTANT, startServer } from './helpers.js';

/** @typedef {import('playwright-core').Page} Page */

/** @type {{ url: string, stop: () => Promise<void> }} */
let server;

before(async () => (server = await startServer({})));
after(() => server.stop());

/**
 * @param {string} name
 * @param {Parameters<typeof launch>[0]} microphone
 * @param {(page: Page, proxy: Awaited<ReturnType<typeof breakable>>) => Promise<void>} body
 * @param {{ complains?: RegExp, options?: import('playwright-core').BrowserContextOptions }} [more]
 *   complains: what the browser itself may say of a broken network
 */
function trouble(name, microphone, body, { complains, options } = {}) {
  test(name, { timeout: 90_000 }, async () => {
    const browser = await launch(microphone);
    const proxy = await breakable(server.url);
    try {
      const { page, complaints } = await browser.open(`${proxy.url}/`, options, watchMicrophone);
      await body(page, proxy);
      assert.deepEqual(
        complaints.filter((each) => !complains?.test(each)),
        [],
      );
    } finally {
      await browser.close();
      await proxy.stop();
    }
  });
}

/** In the page: keeps the tracks that were given out; `delayMs` and `refuse` make trouble. */
function watchMicrophone() {
  const watched = { tracks: /** @type {MediaStreamTrack[]} */ ([]), asked: 0, delayMs: 0, refuse: '' };
  Object.assign(window, { watched });
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const get = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    watched.asked += 1;
    await new Promise((resolve) => setTimeout(resolve, watched.delayMs));
    const exact = /** @type {any} */ (wanted)?.audio?.deviceId !== undefined;
    if (watched.refuse && exact) throw new DOMException('not now', watched.refuse);
    const stream = await get(wanted);
    watched.tracks.push(...stream.getTracks());
    return stream;
  };
}

/** @param {Page} page */
const liveTracks = (page) =>
  page.evaluate(() => /** @type {any} */ (window).watched.tracks.filter((/** @type {any} */ each) => each.readyState === 'live').length);

/** @param {Page} page @param {Record<string, unknown>} how */
const watched = (page, how) => page.evaluate((given) => void Object.assign(/** @type {any} */ (window).watched, given), how);

/** @param {Page} page @param {string} text */
async function type(page, text) {
  await page.fill('#typed', text);
  await page.press('#typed', 'Enter');
}

/** @param {Page} page @param {string} who @param {RegExp} text */
const said = (page, who, text) => page.locator(`#transcript .${who}:not(.partial)`, { hasText: text });

const OFFLINE = /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection|Failed to load resource/;

// -- the microphone --------------------------------------------------------------------------------------------------

trouble('a microphone that is allowed only after the end is let go of at once', { says: [1] }, async (page) => {
  await watched(page, { delayMs: 1_500 });
  await page.click('#start');
  await page.waitForFunction(() => /** @type {any} */ (window).watched.asked > 0);
  await page.click('#end');
  await page.locator('#ended').waitFor();
  await page.waitForFunction(() => /** @type {any} */ (window).watched.tracks.length > 0);
  await page.waitForTimeout(500);
  assert.equal(await liveTracks(page), 0);
  assert.equal(await page.locator('#mute').isVisible(), false);
});

trouble('a device that cannot be had leaves the one before, and the page says so', { says: [1] }, async (page) => {
  await page.click('#start');
  await page.locator('#mute').waitFor();
  await watched(page, { refuse: 'NotReadableError' });
  await page.locator('#device').dispatchEvent('change');
  await page.locator('#problem', { hasText: 'the one before is still in use' }).waitFor();
  assert.equal(await page.locator('#mute').isVisible(), true);
  assert.equal(await liveTracks(page), 1);
});

trouble('after a microphone was unplugged another one is found, and typing goes on', { says: [1, 'remind me to buy milk in ten minutes and to call the school'] }, async (page) => {
  await page.click('#start');
  await page.locator('body[data-turn=listening]').waitFor({ timeout: 15_000 });
  await page.waitForTimeout(700);
  await watched(page, { refuse: 'OverconstrainedError' });
  await page.evaluate(() => /** @type {any} */ (window).watched.tracks[0].dispatchEvent(new Event('ended')));
  await page.locator('#problem', { hasText: 'microphone' }).waitFor();
  await type(page, 'what day is it');
  await said(page, 'assistant', /\w+day/).waitFor({ timeout: 10_000 });
  await page.click('#microphone');
  await page.locator('#mute').waitFor({ timeout: 5_000 });
  assert.equal(await page.locator('#problem').isVisible(), false);
});

trouble('in German with a microphone it stays said that the server hears English only', { says: [1] }, async (page) => {
  await page.click('#start');
  await page.locator('#mute').waitFor();
  await page.waitForTimeout(500);
  assert.match(await page.locator('#problem').innerText(), /hört nur Englisch/);
  await page.selectOption('#language', 'en');
  await page.waitForTimeout(300);
  assert.equal(await page.locator('#problem').isVisible(), false, 'English is heard');
}, { options: { locale: 'de-DE' } });

trouble('leaving the page lets go of the microphone and of the words', { says: [1] }, async (page) => {
  await page.click('#start');
  await page.locator('#mute').waitFor();
  await type(page, 'what day is it');
  await said(page, 'assistant', /day/).waitFor();
  await page.evaluate(() => void dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
  assert.equal(await liveTracks(page), 0);
  assert.equal(await page.locator('#transcript li').count(), 0);
});

// -- bad moments -----------------------------------------------------------------------------------------------------

trouble('two presses while it connects open one session', {}, async (page) => {
  let opened = 0;
  page.on('request', (request) => void (opened += Number(request.method() === 'POST' && request.url().endsWith('/sessions'))));
  await page.click('#help summary');
  await page.locator('#help button').first().waitFor();
  await page.evaluate(() => {
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#help button'));
    buttons[0].click();
    buttons[1].click();
  });
  await page.locator('#transcript .user').nth(1).waitFor();
  await page.waitForTimeout(500);
  assert.equal(opened, 1);
});

trouble('what is typed while the connection is broken is answered once it is back', {}, async (page, proxy) => {
  await page.click('#start-typing');
  await type(page, 'what can i say');
  await page.locator('body[data-turn=speaking]').waitFor();
  await page.waitForTimeout(1_000);
  proxy.refuse(true);
  proxy.breakAll();
  await page.locator('body[data-turn=reconnecting]').waitFor();
  await type(page, 'what day is it');
  proxy.refuse(false);
  await said(page, 'assistant', /\w+day/).waitFor({ timeout: 10_000 });
  await page.locator('#transcript .assistant.cut').waitFor();
  assert.equal(await page.locator('#problem').isVisible(), false);
}, { complains: OFFLINE });

trouble('who ends while the server is out of reach is not listened to any more', { says: [1] }, async (page, proxy) => {
  await page.click('#start');
  await page.locator('#mute').waitFor();
  await proxy.stop();
  await page.locator('body[data-turn=reconnecting]').waitFor();
  await page.click('#end');
  await page.locator('#ended', { hasText: 'at the latest in half a minute' }).waitFor({ timeout: 5_000 });
  assert.equal(await liveTracks(page), 0);
}, { complains: OFFLINE });

// -- other ways ------------------------------------------------------------------------------------------------------

trouble('an answer is silenced by a button, and by Escape', {}, async (page) => {
  await page.click('#start-typing');
  for (const how of [() => page.click('#hush'), () => page.keyboard.press('Escape')]) {
    const cut = await page.locator('#transcript .assistant.cut').count();
    await type(page, 'what can i say');
    await page.locator('body[data-turn=speaking]').waitFor();
    await page.waitForTimeout(700);
    await how();
    await page.locator('#transcript .assistant.cut').nth(cut).waitFor({ timeout: 3_000 });
    assert.equal(await page.locator('body').getAttribute('data-turn'), 'idle');
  }
});

trouble('a button that was only touched leaves nothing that listens', { says: [1] }, async (page) => {
  await page.click('#start');
  await page.check('#push-to-talk');
  await page.click('#hold', { delay: 50 });
  await page.waitForTimeout(500);
  assert.equal(await page.locator('body').getAttribute('data-turn'), 'idle');
});

trouble('who cancels a task by the keyboard stays on the board', {}, async (page) => {
  await page.click('#start-typing');
  await page.locator('#typed:focus').waitFor();
  await type(page, 'set a timer for five minutes');
  await page.locator('#working').getByRole('button', { name: 'Cancel' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#finished li').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'board-title');
});

trouble('what is told to those who do not see the page is told once', {}, async (page) => {
  await page.click('#start');
  await page.locator('#problem').waitFor();
  await page.evaluate(() => {
    const told = /** @type {string[]} */ ((/** @type {any} */ (window).told = []));
    for (const id of ['problem', 'turn']) {
      const element = /** @type {HTMLElement} */ (document.getElementById(id));
      new MutationObserver(() => told.push(`${id}: ${element.innerText}`)).observe(element, { childList: true, subtree: true, characterData: true });
    }
  });
  await type(page, 'what time is it');
  await said(page, 'assistant', /It is/).waitFor();
  await page.locator('body[data-turn=idle]').waitFor();
  assert.deepEqual(await page.evaluate('window.told'), ['turn: Thinking', 'turn: Speaking', 'turn: Type something']);
});

trouble('long words fit on a phone, and who reads back is left there', {}, async (page) => {
  await page.click('#start-typing');
  for (let line = 0; line < 6; line++) await type(page, `set a timer for ${line + 2} hours`);
  await type(page, 'a'.repeat(300));
  await said(page, 'user', /aaa/).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways');
  await page.setViewportSize({ width: 320, height: 640 });
  await page.selectOption('#language', 'de');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nor in German at 320 px');
  const list = page.locator('#transcript');
  assert.ok(await list.evaluate((each) => each.scrollWidth <= each.clientWidth), 'nor in the conversation');
  await page.locator('body[data-turn=speaking]').waitFor();
  await list.evaluate((each) => (each.scrollTop = 0));
  await page.waitForTimeout(700);
  assert.equal(await list.evaluate((each) => each.scrollTop), 0);
}, { options: { viewport: { width: 390, height: 844 } } });

test('on a page that is not secure one can type, and is told why one is not heard', { timeout: 60_000 }, async () => {
  const port = 20_000 + (process.pid % 20_000);
  const url = `http://talk.example:${port}`;
  const keys = apiKeys();
  const key = keys.add('page', 'page-*');
  const settings = { ...INSTANT, ...keys.settings, SOTTOVOCE_PORT: String(port), SOTTOVOCE_PUBLIC_URL: url };
  const own = await startServer(settings, ['--port', String(port)]);
  const browser = await launch({ args: ['--host-resolver-rules=MAP talk.example 127.0.0.1'] });
  try {
    const { page, complaints } = await browser.open(`${url}/`);
    await page.fill('#access-key', key);
    await page.keyboard.press('Enter');
    await page.locator('#access').waitFor({ state: 'hidden' });
    await page.click('#start', { timeout: 5_000 });
    await page.locator('#problem', { hasText: 'only to pages over https' }).waitFor();
    await type(page, 'what time is it');
    await said(page, 'assistant', /It is/).waitFor();
    assert.deepEqual(complaints.filter((each) => !/Cross-Origin-Opener-Policy|status of 401/.test(each)), []);
  } finally {
    await browser.close();
    await own.stop();
    keys.remove();
  }
});
