import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import type { ServerMessage } from './server-process.js';
import type { Setting, StartServer } from './servers/setting.js';

// A process of its own for one contestant. Its argument is a `Setting`; it ends when its parent hangs up.

let queries = 0;
countQueries();

const setting = JSON.parse(process.argv[2] as string) as Setting;
const { start } = (await import(`./servers/${setting.contestant.server}.js`)) as { start: StartServer };
const app = await start(setting);
await app.listen(0, '127.0.0.1');

process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  reply({ kind: 'statistics', queries, rss, heap: heapUsed });
});
process.once('disconnect', () => {
  // Whoever holds a connection pool of its own would keep the process alive.
  void app.close().finally(() => process.exit());
});
reply({ kind: 'ready', port: (app.getHttpServer() as { address(): AddressInfo }).address().port });

function reply(message: ServerMessage): void {
  if (process.connected) process.send?.(message);
}

/** Everything that goes to PostgreSQL goes through a client of `pg`, whatever is above it. */
function countQueries(): void {
  const prototype = pg.Client.prototype as unknown as { query(this: unknown, ...args: unknown[]): unknown };
  // oxlint-disable-next-line typescript/unbound-method -- called with the client as `this`
  const { query } = prototype;
  prototype.query = function counted(...args) {
    queries += 1;
    return query.apply(this, args);
  };
}
