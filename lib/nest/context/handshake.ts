import type { IncomingMessage } from 'node:http';
import type { WebSocketAdapter } from '@nestjs/common';
import type { OriginRequest } from '../../options/origin.options.js';

/** Of the HTTP request that each socket began with. */
const remembered = new WeakMap<object, OriginRequest>();

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
        if (request?.headers !== undefined) {
          const { method, url, headers } = request;
          remembered.set(client, { method, url, headers });
        }
        return connected(...args);
      }),
  });
}

/** The request that a client of a gateway came with; `null` where it is not known. */
export function handshakeOf(client: object): OriginRequest | null {
  const { handshake } = client as { handshake?: Partial<OriginRequest> };
  const known = handshake?.headers === undefined ? null : (handshake as OriginRequest);
  return remembered.get(client) ?? known;
}

/** Whether it looks like a client of the package `ws`, or a browser's WebSocket. */
export function isWebSocket(client: object): boolean {
  return 'readyState' in client && 'send' in client;
}
