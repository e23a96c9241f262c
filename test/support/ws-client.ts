import { once } from 'node:events';
import WebSocket from 'ws';
import { type GatewayClient, Inbox } from './gateway.js';

/** A client of a gateway on the package `ws`. */
export async function connect(url: string, cookie?: string, origin?: string): Promise<GatewayClient> {
  const inbox = new Inbox();
  const socket = new WebSocket(url.replace('http', 'ws'), {
    headers: { ...(cookie && { cookie }), ...(origin && { origin }) },
  });
  socket.on('message', (text: Buffer) => {
    const { event, data } = JSON.parse(text.toString()) as { event: string; data: unknown };
    inbox.put(event, data);
  });
  await once(socket, 'open');
  return {
    send: (event, data) => socket.send(JSON.stringify({ event, data })),
    next: () => inbox.next(),
    close: () => socket.close(),
  };
}
