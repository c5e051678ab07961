/** A server that wants to know who calls: it lets in to a real one behind it, by a key and the namespace of that. */

import { createServer, request } from 'node:http';
import { connect } from 'node:net';

/**
 * @param {string} url the server behind it
 * @param {Record<string, string | null>} keys each with the one namespace that it is for, or null for all
 */
export async function guarded(url, keys) {
  const { hostname, port } = new URL(url);
  /** What came with each call: its method and path, and its credential. @type {[string, string | undefined][]} */
  const came = [];
  /** Taken, while one of them is to be withdrawn. */
  const good = new Map(Object.entries(keys));

  /** @param {string} target @param {string | undefined} authorization @param {string} body */
  function refusal(target, authorization, body) {
    if (!target.startsWith('/api/v1/')) return null;
    if (authorization === undefined) return [401, 'credential_required'];
    const namespace = good.get(authorization.replace(/^Bearer /, ''));
    if (namespace === undefined) return [401, 'credential_invalid'];
    const asked = body.includes('"namespace_id"') ? JSON.parse(body).namespace_id : namespace;
    return namespace === null || asked === namespace ? null : [403, 'namespace_not_allowed'];
  }

  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (data) => (body += data));
    incoming.on('end', () => {
      const { method, url: target = '', headers } = incoming;
      if (target.startsWith('/api/')) came.push([`${method} ${target.replace(/\?.*/, '')}`, headers.authorization]);
      const refused = refusal(target, headers.authorization, body);
      if (refused !== null) {
        const [status, code] = refused;
        outgoing.writeHead(Number(status), { 'Content-Type': 'application/problem+json' });
        outgoing.end(JSON.stringify({ status, code, detail: 'You are not let in' }));
        return;
      }
      const passed = request({ host: hostname, port, method, path: target, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      passed.on('error', () => outgoing.destroy());
      passed.end(body);
    });
  });
  server.on('upgrade', (incoming, near) => {
    const far = connect(Number(port), hostname);
    const heads = incoming.rawHeaders.flatMap((each, at, all) => (at % 2 ? [] : [`${each}: ${all[at + 1]}`]));
    far.write([`GET ${incoming.url} HTTP/1.1`, ...heads, '', ''].join('\r\n'));
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port: own } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${own}`,
    came,
    withdraw: (/** @type {string} */ key) => good.delete(key),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
