/**
 * Pictures of both pages, in both themes and on a phone: `make pictures` writes them to docs/pictures/.
 * The conversation in them is a real one, spoken by the project's own synthesiser.
 */

import { mkdirSync } from 'node:fs';

import { launch } from './browser.js';
import { ROOT, startServer } from './helpers.js';

const FOLDER = `${ROOT}docs/pictures/`;
const WIDE = { width: 1180, height: 800 };
const PHONE = { width: 390, height: 844 };

/** @type {[string, import('playwright-core').BrowserContextOptions][]} */
const LOOKS = [
  ['light', { viewport: WIDE, colorScheme: 'light' }],
  ['dark', { viewport: WIDE, colorScheme: 'dark' }],
  ['phone', { viewport: PHONE, colorScheme: 'light', deviceScaleFactor: 2, hasTouch: true }],
];

mkdirSync(FOLDER, { recursive: true });
const server = await startServer({ SOTTOVOCE_OPERATOR: 'true' });
const browser = await launch({ says: [1, 'remind me to buy milk in ten minutes', 6, 'what time is it'] });
try {
  for (const [look, options] of LOOKS) {
    const { page: operator } = await browser.open(`${server.url}/operator`, options);
    const { page } = await browser.open(`${server.url}/`, options);
    await page.click('#start');
    await page.locator('#working li').waitFor({ timeout: 30_000 });
    await page.fill('#typed', 'delete all reminders');
    await page.press('#typed', 'Enter');
    await page.locator('#asking li').waitFor();
    await page.locator('#transcript .user', { hasText: /time/ }).waitFor({ timeout: 30_000 });
    await page.locator('body[data-turn=speaking]').waitFor();
    await page.screenshot({ path: `${FOLDER}talk-${look}.png`, fullPage: look === 'phone' });
    await operator.waitForTimeout(5_000);
    await operator.screenshot({ path: `${FOLDER}operator-${look}.png`, fullPage: true });
    console.log(`wrote talk-${look}.png and operator-${look}.png`);
    await page.click('#end');
    await page.context().close();
    await operator.context().close();
  }
} finally {
  await browser.close();
  await server.stop();
}
