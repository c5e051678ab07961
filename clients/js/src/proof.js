/** Proof of possession: HTTP Message Signatures (RFC 9421), as the server asks for them. */

import { base64, base64url, joined, sha256 } from './bytes.js';

const TAG = 'sottovoce';

/**
 * The headers that prove that a namespace makes this call.
 *
 * @param {import('./keys.js').NamespaceKeys} keys
 * @param {string} method
 * @param {string} url absolute
 * @param {string} body
 * @returns {Promise<Record<string, string>>}
 */
export async function proof(keys, method, url, body) {
  const digest = `sha-256=:${base64(await sha256(joined(new TextEncoder().encode(body))))}:`;
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const parameters =
    `("@method" "@target-uri" "content-digest");created=${Math.floor(Date.now() / 1000)};keyid="${keys.keyHash}"` +
    `;alg="${keys.signatureAlgorithm}";nonce="${nonce}";tag="${TAG}"`;
  const base = [
    `"@method": ${method}`,
    `"@target-uri": ${url}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join('\n');
  const signature = await keys.sign(joined(base));
  return {
    'Content-Digest': digest,
    'Signature-Input': `${TAG}=${parameters}`,
    Signature: `${TAG}=:${base64(signature)}:`,
  };
}
