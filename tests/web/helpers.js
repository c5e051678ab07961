/** What tests in a browser share: a server as users start it, and Debian's Chromium. */

import { chromium } from 'playwright-core';

export { apiKeys, breakable, INSTANT, ROOT, startServer } from '../../clients/js/test/helpers.js';

const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser. @param {string[]} [more] arguments besides those that every test needs */
export function launch(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...BROWSER_ARGUMENTS, ...more],
  });
}
