/** Figures and codes as people read them. */

export const NOTHING = '–';
const MEBIBYTE = 1024 * 1024;

/** @param {number | null} value */
export function whole(value) {
  return value === null ? NOTHING : value.toLocaleString('en', { maximumFractionDigits: 0 });
}

/** A rate: the smaller, the more exact. @param {number | null} value */
export function rate(value) {
  if (value === null) return NOTHING;
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/** @param {number | null} value */
export function milliseconds(value) {
  if (value === null) return NOTHING;
  return value < 10_000 ? `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })} ms` : duration(value / 1000);
}

/** @param {number | null} bytes */
export function memory(bytes) {
  return bytes === null ? NOTHING : `${whole(bytes / MEBIBYTE)} MiB`;
}

/** The two largest units: `3 d 4 h`, `5 min 6 s`. @param {number} seconds */
export function duration(seconds) {
  const units = /** @type {const} */ ([
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ]);
  let left = Math.max(0, Math.floor(seconds));
  const parts = units.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return { unit, count };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .map(({ unit, count }) => `${count} ${unit}`)
    .join(' ');
}

/** @type {Record<string, string>} */
const WORDS = {
  4400: 'not messages of this protocol',
  4401: 'ticket unknown, used, late or another page’s',
  4403: 'page of another origin',
  4404: 'no such session',
  4408: 'what was sent is not being read',
  4409: 'a newer connection took over',
  4429: 'audio or messages too fast',
};

/** A code in words: `time_limit` is “time limit”, 4404 “4404 no such session”. @param {string} code */
export function words(code) {
  return code in WORDS ? `${code} ${WORDS[code]}` : code.replaceAll('_', ' ');
}
