/** A real server in a process of its own, for the tests. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startServer(settings = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SOTTOVOCE_'));
  const server = spawn(`${ROOT}.venv/bin/sottovoce`, ['serve', '--port', '0', '--log-level', 'error'], {
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
