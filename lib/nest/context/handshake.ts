import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { WebSocketAdapter } from '@nestjs/common';

/** The headers of the HTTP request that each socket began with. */
const remembered = new WeakMap<object, IncomingHttpHeaders>();

/**
 * Has a WebSocket adapter remember the headers that each client came with, the cookie among them, for libraries that do not, such as `ws`:
 *
 * ```ts
 * app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app)));
 * ```
 *
 * Socket.IO keeps it by itself.
 *
 * @returns the same adapter.
 */
export function rememberHandshakes<Adapter extends WebSocketAdapter>(adapter: Adapter): Adapter {
  const bind = adapter.bindClientConnect.bind(adapter);
  return Object.assign(adapter, {
    bindClientConnect: (server: unknown, connected: (...args: unknown[]) => unknown): unknown =>
      bind(server, (...args: unknown[]) => {
        const [client, request] = args as [object, IncomingMessage | undefined];
        if (request?.headers !== undefined) remembered.set(client, request.headers);
        return connected(...args);
      }),
  });
}

/** The headers that a client of a gateway came with; `null` where they are not known. */
export function handshakeOf(client: object): IncomingHttpHeaders | null {
  const { handshake } = client as { handshake?: { headers?: IncomingHttpHeaders } };
  return remembered.get(client) ?? handshake?.headers ?? null;
}

/** Whether it looks like a client of the package `ws`, or a browser's WebSocket. */
export function isWebSocket(client: object): boolean {
  return 'readyState' in client && 'send' in client;
}
