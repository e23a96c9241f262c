import { once } from 'node:events';
import net from 'node:net';

/** Stands before a database. */
export interface DatabaseProxy {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Accepts connections, and does with each what it is told to.
 *
 * @param serve is given a client, and what connects it to the database; passes on what is to be passed on
 */
export async function startDatabaseProxy(
  database: string,
  serve: (client: net.Socket, connect: () => net.Socket) => void,
): Promise<DatabaseProxy> {
  const target = new URL(database);
  const sockets = new Set<net.Socket>();
  const kept = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    return socket.on('error', () => {});
  };
  const server = net.createServer((client) => {
    serve(kept(client), () => {
      const upstream = kept(net.connect(Number(target.port), target.hostname));
      client.on('close', () => upstream.destroy());
      return upstream;
    });
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
