/** A real server in a process of its own, for the tests. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const INSTANT = { SOTTOVOCE_RECOGNISER: 'instant:', SOTTOVOCE_SYNTHESISER: 'instant:' };

/**
 * @param {Record<string, string>} [settings] of the environment
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startServer(settings = INSTANT) {
  const server = spawn(`${ROOT}.venv/bin/sottovoce`, ['serve', '--port', '0', '--log-level', 'error'], {
    cwd: ROOT,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const lines = createInterface({ input: server.stderr });
  const said = [];
  for await (const line of lines) {
    const url = line.match(/listens on (http:\S+)/)?.[1];
    if (url !== undefined) {
      server.stderr.resume();
      return {
        url,
        stop: async () => {
          server.kill('SIGTERM');
          await ended;
        },
      };
    }
    said.push(line);
  }
  throw new Error(`The server did not start. It said:\n${said.join('\n')}`);
}
