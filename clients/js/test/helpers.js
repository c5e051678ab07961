/** A real server in a process of its own, for the tests. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Engines that take no time. */
export const INSTANT = { SOTTOVOCE_RECOGNISER: 'instant:', SOTTOVOCE_SYNTHESISER: 'instant:' };

/**
 * Start a server on a free port, with these settings and no others of this process's environment.
 *
 * @param {Record<string, string>} [settings] as in the environment
 * @param {string[]} [where]
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startServer(settings = {}, where = ['--port', '0']) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SOTTOVOCE_'));
  const server = spawn(`${ROOT}.venv/bin/sottovoce`, ['serve', ...where, '--log-level', 'error'], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'exit');
  /** @type {string[]} */
  const said = [];
  const url = await new Promise((resolve, reject) => {
    ended.then(() => reject(new Error(`the server did not start; it said: ${said.join('\n')}`)));
    server.once('error', reject);
    createInterface({ input: server.stderr }).on('line', (line) => {
      said.push(line);
      const found = /listens on (http:\S+)/.exec(line);
      if (found !== null) resolve(found[1]);
    });
  });
  return {
    url,
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

/** A server reads its file of API keys again within a second. */
const READ_AGAIN_MS = 1_100;

/** A file of API keys, kept as users keep theirs; `settings` has a server want one of them. */
export function apiKeys() {
  const folder = mkdtempSync(join(tmpdir(), 'sottovoce-'));
  const file = join(folder, 'api-keys.json');
  const keys = (/** @type {string[]} */ ...words) =>
    execFileSync(`${ROOT}.venv/bin/sottovoce`, ['keys', 'api', ...words], { encoding: 'utf8', stdio: 'pipe' }).trim();
  return {
    settings: { SOTTOVOCE_API_KEYS: file },
    /** The text of a new key, for the namespaces of this pattern. */
    add: (/** @type {string} */ name, /** @type {string} */ namespaces) =>
      keys('new', file, '--name', name, '--namespace', namespaces),
    /** It opens nothing any more once this is done. */
    withdraw: async (/** @type {string} */ name) => {
      keys('withdraw', file, name);
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/**
 * What passes everything on to a server, until it breaks every connection at once.
 *
 * @param {string} url
 */
export async function breakable(url) {
  const { hostname, port } = new URL(url);
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  let refusing = false;
  /** @type {string[]} */
  const asked = [];
  const proxy = createServer((near) => {
    if (refusing) return near.destroy();
    const far = connect(Number(port), hostname);
    near.on('data', (data) => {
      const head = data.toString('latin1');
      if (/^[A-Z]+ \S+ HTTP/.test(head)) asked.push(head);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(null)));
  const { port: own } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  return {
    url: `http://127.0.0.1:${own}`,
    /** What clients asked for: the heads of their requests. */
    asked,
    refuse: (/** @type {boolean} */ wanted) => (refusing = wanted),
    breakAll: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    stop: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => proxy.close(resolve));
    },
  };
}
