/** @returns {Promise<typeof WebSocket>} the browser's or Node's own; older Nodes need the package `ws` */
export async function webSocketClass() {
  return globalThis.WebSocket ?? /** @type {any} */ ((await import('ws')).WebSocket);
}
