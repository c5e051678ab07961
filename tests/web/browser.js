/** Debian's Chromium with a microphone that plays a file, and what is watched in every test. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch as launchChromium, ROOT } from './helpers.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const FOREVER_S = 600; // noloop: after what was said there is silence

/**
 * A browser; with `says`, it has a microphone that hears this: sentences, files of sound, seconds of silence.
 *
 * @param {{ says?: (string | number)[], allowed?: boolean, args?: string[] }} [microphone] `args`: more for the browser
 */
export async function launch({ says, allowed = true, args: more = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sottovoce-'));
  const args = [...more];
  if (says !== undefined) {
    const file = join(folder, 'microphone.wav');
    const parts = [...says, FOREVER_S].map(String);
    execFileSync(`${ROOT}.venv/bin/python`, ['-m', 'tests.web.microphone', file, ...parts], { cwd: ROOT });
    args.push('--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${file}%noloop`);
    if (allowed) args.push('--use-fake-ui-for-media-stream');
  }
  const browser = await launchChromium(args);
  return {
    /**
     * @param {string} url
     * @param {import('playwright-core').BrowserContextOptions} [options]
     * @param {() => void} [prepare] run in the page before its own scripts
     */
    async open(url, options, prepare) {
      const context = await browser.newContext({ locale: 'en-US', ...options });
      const page = await context.newPage();
      if (prepare !== undefined) await page.addInitScript(prepare);
      /** @type {string[]} */
      const complaints = [];
      page.on('console', (message) => message.type() !== 'log' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(String(error.stack)));
      page.on('request', (request) => {
        if (!request.url().startsWith(url)) complaints.push(`asked another host: ${request.url()}`);
      });
      await page.goto(url);
      return { page, complaints };
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * What axe-core finds wrong with the page as it is.
 *
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>}
 */
export async function violations(page) {
  // By the debugger's door, which the page's policy does not close.
  return page.evaluate(`(async () => {
    ${AXE};
    const found = await axe.run(document, { resultTypes: ['violations'] });
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200)));
  })()`);
}
