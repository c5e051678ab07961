const PROTOCOL = 'sottovoce.v1';
const TICKET = 'ticket';

/**
 * What to connect to and what to offer there: the ticket goes as a subprotocol, since what stands in no address stands
 * in no log of addresses.
 *
 * @param {string} websocketUrl as the server gives it
 * @returns {{ url: URL, protocols: string[] }}
 */
export function withoutTicket(websocketUrl) {
  const url = new URL(websocketUrl);
  const ticket = url.searchParams.get(TICKET);
  url.searchParams.delete(TICKET);
  return { url, protocols: ticket === null ? [] : [PROTOCOL, `${TICKET}.${ticket}`] };
}

/** @returns {Promise<typeof WebSocket>} the browser's or Node's own; older Nodes need the package `ws` */
export async function webSocketClass() {
  return globalThis.WebSocket ?? /** @type {any} */ ((await import('ws')).WebSocket);
}
