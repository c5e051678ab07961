/** What of others' work is shipped with the pages is exactly what the lock file names. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ROOT } from './helpers.js';

const VENDORED = `${ROOT}src/sottovoce/web/vendor/uplot/`;
const PACKAGE = `${ROOT}node_modules/uplot/`;

for (const [file, origin] of [
  ['uPlot.iife.min.js', 'dist/uPlot.iife.min.js'],
  ['uPlot.min.css', 'dist/uPlot.min.css'],
  ['LICENSE', 'LICENSE'],
]) {
  test(`uPlot: ${file} is the package's`, () => {
    assert.ok(readFileSync(VENDORED + file).equals(readFileSync(PACKAGE + origin)));
  });
}

test('uPlot: the package is the one that is locked', () => {
  const locked = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')).packages['node_modules/uplot'];
  const installed = JSON.parse(readFileSync(`${PACKAGE}package.json`, 'utf8'));
  assert.equal(installed.version, locked.version);
});
