import { once } from 'node:events';
import net from 'node:net';

/** A server that accepts connections and passes them on to a database, until it has seen a text: from then on it is silent. */
export interface SilentServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param until the text; an empty one for silence from the first */
export async function startSilentServer(database: string, until: string): Promise<SilentServer> {
  const target = new URL(database);
  const sockets = new Set<net.Socket>();
  let isSilent = until === '';
  const server = net.createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    if (isSilent) return;
    const upstream = net.connect(Number(target.port), target.hostname);
    sockets.add(upstream);
    upstream.on('error', () => {});
    upstream.on('data', (chunk) => isSilent || client.write(chunk));
    client.on('data', (chunk) => {
      isSilent ||= chunk.includes(until);
      if (!isSilent) upstream.write(chunk);
    });
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(database);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
