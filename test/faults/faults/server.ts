import type { Fault } from '../fault.js';

/** How long a server is away, in milliseconds: longer than a request may take. */
const AWAY = 2_500;

/** The whole server stands still, or is gone. */
export const SERVER: readonly Fault[] = [
  {
    name: 'server-frozen',
    title: 'the whole server frozen',
    async run(world) {
      const thaw = await world.cluster.freeze();
      await world.during(AWAY);
      thaw();
    },
  },
  {
    name: 'server-stopped-fast',
    title: 'the server stopped (fast), and started again',
    async run(world) {
      await world.cluster.stop('fast');
      await world.during(AWAY);
      await world.cluster.start();
    },
  },
  {
    name: 'server-stopped-immediate',
    title: 'the server stopped (immediate), as by a crash, and started again',
    async run(world) {
      await world.cluster.stop('immediate');
      await world.during(AWAY);
      await world.cluster.start();
      await world.cluster.answers();
    },
  },
  {
    name: 'server-restarted',
    title: 'the server restarted',
    async run(world) {
      await world.cluster.stop('fast');
      await world.cluster.start();
    },
  },
];
