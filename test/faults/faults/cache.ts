import { strictEqual } from 'node:assert';
import type { Fault } from '../fault.js';

/** How long a message may take on a busy machine, in milliseconds. */
const HEARING = 300;
/** The default of `cache.ttl`, in milliseconds. */
const TTL = 5_000;

/** Of the connection that listens: its first statement, or what it asks later for a sign of life. */
const LISTENS = `query ~* 'listen|transaction_read_only'`;

/** With the cache, while another application ends sessions. */
export const CACHE: readonly Fault[] = [
  {
    name: 'listen-lost',
    title: 'the LISTEN connection of the cache killed, five times',
    // So long that only messages can explain that an end is heard of.
    options: { cache: { ttl: '1h' } },
    hasSecond: true,
    hearing: HEARING,
    async run(world) {
      let killed = 0;
      for (let count = 0; count < 5; count++) {
        killed += await world.kill(LISTENS);
        await world.during(400);
      }
      strictEqual(killed > 0, true, 'no connection listened');
    },
  },
  {
    name: 'listen-silent',
    title: 'the network swallows what comes over it, for good',
    options: { cache: true },
    hasSecond: true,
    hearing: TTL + HEARING,
    async run(world) {
      world.proxy.set('drop');
      await world.during(1_500);
      world.proxy.set('pass');
      world.ended();
      await world.during(TTL + HEARING);
    },
  },
];
