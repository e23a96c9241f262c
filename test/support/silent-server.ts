import { type DatabaseProxy, startDatabaseProxy } from './database-proxy.js';

/**
 * A server that accepts connections and passes them on to a database, until it has seen a text: from then on it is silent.
 *
 * @param until the text; an empty one for silence from the first
 */
export async function startSilentServer(database: string, until: string): Promise<DatabaseProxy> {
  let isSilent = until === '';
  return startDatabaseProxy(database, (client, connect) => {
    if (isSilent) return;
    const upstream = connect();
    upstream.on('data', (chunk) => isSilent || client.write(chunk));
    client.on('data', (chunk) => {
      isSilent ||= chunk.includes(until);
      if (!isSilent) upstream.write(chunk);
    });
  });
}
