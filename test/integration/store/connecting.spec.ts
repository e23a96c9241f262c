import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { useStores } from './stores.js';

const stores = useStores();
const TIMEOUT = 300;

describe('Connecting', () => {
  let proxy: net.Server;
  let url: string;
  /** How long the proxy takes to pass a new connection on, in milliseconds. */
  let delay = 0;
  const sockets = new Set<net.Socket>();

  beforeEach(async () => {
    delay = 0;
    const target = new URL(stores.database.url);
    proxy = net.createServer((client) => {
      sockets.add(client);
      client.on('error', () => {});
      if (delay === Infinity) return;
      const pass = (): void => {
        if (client.destroyed) return;
        const upstream = net.connect(Number(target.port), target.hostname);
        sockets.add(upstream);
        upstream.on('error', () => {});
        upstream.on('close', () => client.destroy());
        client.on('close', () => upstream.destroy());
        client.pipe(upstream).pipe(client);
      };
      if (delay === 0) pass();
      else setTimeout(pass, delay);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const own = new URL(target);
    own.hostname = '127.0.0.1';
    own.port = String((proxy.address() as net.AddressInfo).port);
    url = own.href;
  });
  afterEach(async () => {
    cutAll();
    proxy.close();
    await once(proxy, 'close');
  });

  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };

  /** Asks until there is an answer, a dozen at a time. @returns how long that took, in milliseconds */
  async function recovery(store: MikroOrmSessionStore, id: string): Promise<number> {
    const start = performance.now();
    for (;;) {
      const asked = Array.from({ length: 12 }, () => store.find(id));
      const found = await Promise.allSettled(asked);
      if (found.every(({ status }) => status === 'fulfilled')) return performance.now() - start;
    }
  }

  it('to a server that accepts connections and says nothing does not fill the pool for good', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 3, url);
    const { id } = await stores.create();
    cutAll();
    delay = Infinity;
    for (let times = 0; times < 6; times++) await store.find(id).catch(() => {});
    delay = 0;
    expect(await recovery(store, id)).toBeLessThan(3 * TIMEOUT);
  });

  it('anew is what follows when one has gone silent: all that were idle meanwhile may have, too', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 6, url);
    const { id } = await stores.create();
    // Statements that are not put together: each has a connection of its own.
    await Promise.all(Array.from({ length: 6 }, () => store.count()));
    for (const socket of sockets) socket.pause();
    expect(await recovery(store, id)).toBeLessThan(1.8 * TIMEOUT);
  });

  it('to a server that takes longer than an operation has is gone on with, and succeeds', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 3, url);
    const { id } = await stores.create();
    cutAll();
    delay = 4 * TIMEOUT;
    expect(await recovery(store, id)).toBeLessThan(12 * TIMEOUT);
  });
});
