/** The operator page in a real browser, of a real server. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import WebSocket from 'ws';

import { INSTANT, launch, startServer } from './helpers.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').BrowserContextOptions} Options */

const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const CANARY = 'xylophone';
const PASSWORD = 'correct horse battery';

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  [server, browser] = await Promise.all([startServer({ ...INSTANT, SOTTOVOCE_OPERATOR: 'true' }), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/**
 * The page, in a browser of its own; `wrong` gathers all that a clean page has none of.
 *
 * @param {Options} [options]
 * @param {string} [url]
 */
async function open(options = {}, url = server.url) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const wrong = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) wrong.push(`asked another host: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective}`));
  });
  await page.goto(`${url}/operator`);
  return { context, page, wrong };
}

/** @param {Page} page @param {string} words how the state begins to read */
async function stateReads(page, words) {
  await page.locator('#state', { hasText: words }).waitFor({ timeout: 20_000 });
}

/** What a tile says. @param {Page} page @param {string} title */
function tile(page, title) {
  return page.locator('#now > div', { hasText: title }).locator('.value');
}

/** The figure of a row. @param {Page} page @param {string} caption of its table @param {string} row */
function figure(page, caption, row) {
  const table = page.locator('table', { has: page.locator('caption', { hasText: caption }) });
  return table.locator('tr', { has: page.getByRole('rowheader', { name: row, exact: true }) }).locator('td').first();
}

/** @param {import('playwright-core').Locator} place @param {string} text */
async function reads(place, text) {
  await place.filter({ hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 20_000 });
}

/** Open a session, connect, type, and have the answer. */
async function talk() {
  const created = await fetch(`${server.url}/api/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      namespace_id: `ns.${CANARY}`,
      key_hash: `sha256:${'a'.repeat(64)}`,
      device_type: 'kiosk',
      client_version: '1',
    }),
  });
  const session = await created.json();
  const socket = new WebSocket(session.websocket_url);
  await once(socket, 'open');
  const answered = new Promise((resolve) => {
    socket.on('message', (message) => {
      if (message.toString().includes('"response.done"')) resolve(null);
    });
  });
  const content = [{ type: 'input_text', text: `remind me to tune the ${CANARY} in ten minutes` }];
  const item = { type: 'message', role: 'user', content };
  socket.send(JSON.stringify({ type: 'conversation.item.create', item }));
  socket.send(JSON.stringify({ type: 'response.create' }));
  await answered;
  return {
    id: session.id,
    end: async () => {
      await fetch(`${server.url}/api/v1/sessions/${session.id}`, { method: 'DELETE' });
      socket.terminate();
    },
  };
}

/** @param {Page} page */
async function violations(page) {
  await page.evaluate(AXE);
  return await page.evaluate(async () => {
    const { violations: found } = await /** @type {any} */ (window).axe.run(document);
    return found.map((/** @type {any} */ each) => `${each.id}: ${each.nodes.map((/** @type {any} */ n) => n.html)}`);
  });
}

test('figures follow a session from its opening to its end, and no word of it is shown', async () => {
  const { context, page, wrong } = await open();
  await stateReads(page, 'Live: everything is ready.');
  await reads(tile(page, 'Live sessions'), '0');
  const session = await talk();
  await reads(tile(page, 'Live sessions'), '1');
  await reads(figure(page, 'Live sessions', 'active'), '1');
  await reads(figure(page, 'Tasks', 'working'), '1');
  await page.locator('.legend', { hasText: 'live 1' }).waitFor();
  const row = page.locator('#newest tbody tr').first();
  assert.match(await row.innerText(), new RegExp(`^${session.id.slice(0, 8)}\\s+active\\s`));
  assert.match(await row.innerText(), /kiosk$/);
  const text = await page.locator('html').evaluate((html) => html.outerHTML);
  assert.ok(!text.includes(CANARY));
  assert.ok(!text.includes(session.id));
  await session.end();
  await reads(tile(page, 'Live sessions'), '0');
  await reads(figure(page, 'Sessions since the start', 'ended: client closed'), '1');
  await page.getByText('No session is live.').waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

for (const [name, options] of /** @type {[string, Options][]} */ ([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { colorScheme: 'light', viewport: PHONE }],
  ['on a phone, dark, with reduced motion', { colorScheme: 'dark', viewport: PHONE, reducedMotion: 'reduce' }],
])) {
  test(`axe finds nothing: ${name}`, async (t) => {
    const session = await talk();
    t.after(session.end);
    const { context, page } = await open({ ...options, bypassCSP: true });
    await stateReads(page, 'Live: everything is ready.');
    await page.locator('#newest tbody tr').first().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Pause' }).click();
    assert.deepEqual(await violations(page), []);
    await context.close();
  });
}

test('a phone shows it all without scrolling sideways', async () => {
  const { context, page } = await open({ viewport: PHONE });
  await stateReads(page, 'Live: everything is ready.');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
  const plots = await page.locator('.plot canvas').evaluateAll((all) => all.map((each) => each.getBoundingClientRect()));
  assert.equal(plots.length, 4);
  for (const { left, right } of plots) assert.ok(left >= 0 && right <= PHONE.width);
  await context.close();
});

test('charts are drawn in the colours of the theme, and anew when it changes', async () => {
  const { context, page, wrong } = await open({ colorScheme: 'light' });
  await stateReads(page, 'Live: everything is ready.');
  /** How bright the axes' text and the lines are, 0 to 255. */
  const brightness = () =>
    page.locator('.plot canvas').first().evaluate((canvas) => {
      const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
      const context = /** @type {HTMLCanvasElement} */ (canvas).getContext('2d');
      const { data } = /** @type {CanvasRenderingContext2D} */ (context).getImageData(0, 0, width, height);
      let [sum, count] = [0, 0];
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 200) {
          sum += data[at + 1];
          count += 1;
        }
      }
      return sum / count;
    });
  const light = await brightness();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(() => document.querySelectorAll('.plot canvas').length === 4);
  await page.waitForTimeout(100); // a chart is drawn a moment after it is made
  assert.notEqual(Math.round(await brightness()), Math.round(light));
  assert.deepEqual(wrong, []);
  await context.close();
});

test('the keyboard reaches what can be pressed and scrolled; pausing stops the figures and says so', async () => {
  const { context, page } = await open();
  await stateReads(page, 'Live: everything is ready.');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'pause');
  await page.keyboard.press('Enter');
  await stateReads(page, 'Paused.');
  assert.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true');
  const session = await talk();
  await page.waitForTimeout(2500);
  assert.equal(await tile(page, 'Live sessions').innerText(), '0');
  await page.keyboard.press('Enter');
  await reads(tile(page, 'Live sessions'), '1');
  await session.end();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'scroll');
  await context.close();
});

test('a server that does not answer is told of, and it goes on when it answers again', async () => {
  const { context, page } = await open({ bypassCSP: true });
  await stateReads(page, 'Live: everything is ready.');
  await context.setOffline(true);
  await stateReads(page, 'The server has not answered since');
  assert.deepEqual(await violations(page), []);
  await context.setOffline(false);
  await stateReads(page, 'Live: everything is ready.');
  await context.close();
});

test('with a password the page works for those who have it, and says so to those who lose it', async () => {
  const guarded = await startServer({ ...INSTANT, SOTTOVOCE_OPERATOR: 'true', SOTTOVOCE_OPERATOR_PASSWORD: PASSWORD });
  try {
    const credentials = { httpCredentials: { username: 'operator', password: PASSWORD } };
    const { context, page, wrong } = await open(credentials, guarded.url);
    await stateReads(page, 'Live: everything is ready.');
    await reads(tile(page, 'Live sessions'), '0');
    assert.deepEqual(wrong, []);
    await page.route('**/operator/data', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"detail": "Sign in"}' }),
    );
    await stateReads(page, 'Sign in. What is shown is from before');
    await context.close();
  } finally {
    await guarded.stop();
  }
});

test('where it is off there is no page', async () => {
  const plain = await startServer(INSTANT);
  try {
    for (const path of ['/operator', '/operator/data', '/web/operator/operator.js', '/web/vendor/uplot/LICENSE']) {
      assert.equal((await fetch(plain.url + path)).status, 404);
    }
  } finally {
    await plain.stop();
  }
});
