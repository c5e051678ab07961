import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from './helpers.js';

const USER = `
import { VoiceClient } from 'sottovoce';
import { Talk } from 'sottovoce/browser';

export async function ask(): Promise<string> {
  const session = await new VoiceClient('http://127.0.0.1:8765', { namespaceId: 'alice' }).open();
  session.on('conversation.item.input_audio_transcription.completed', ({ transcript, confidence }) => {
    const heard: string = transcript + confidence.toFixed(1);
    console.log(heard);
  });
  // @ts-expect-error - there is no such event
  session.on('conversation.item.whistled', () => {});
  return new Talk(session).session.id;
}
`;
const CONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'dom'],
    types: [],
  },
  files: ['user.mts'],
};

test('the package that npm packs has all that others need: code, types, readme, licence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sottovoce-'));
  try {
    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: `${ROOT}clients/js`,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [made] = Object.values(JSON.parse(packed.slice(packed.search(/^[[{]/m))));
    /** @type {string[]} */
    const files = made.files.map((/** @type {{ path: string }} */ { path }) => path);
    for (const wanted of ['README.md', 'LICENSE', 'src/index.js', 'src/capture-worklet.js', 'types/index.d.ts']) {
      assert.ok(files.includes(wanted), wanted);
    }
    assert.ok(!files.some((file) => file.startsWith('test/')));
    execFileSync('mkdir', ['-p', join(folder, 'node_modules', 'sottovoce')]);
    execFileSync('tar', ['xzf', join(folder, made.filename), '--strip-components=1', '-C', `${folder}/node_modules/sottovoce`]);
    writeFileSync(join(folder, 'user.mts'), USER);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
    execFileSync(`${ROOT}node_modules/.bin/tsc`, ['-p', folder], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(`${ROOT}clients/js/types`, { recursive: true, force: true });
  }
});
