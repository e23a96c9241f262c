import type { ProxyMode } from '../../support/tcp-proxy.js';
import type { Fault } from '../fault.js';

/** How long the network is in trouble, in milliseconds: longer than a request may take. */
const TROUBLE = 2_500;

/** What lies between application and server. */
export const NETWORK: readonly Fault[] = [
  {
    name: 'network-slow',
    title: 'the network delays everything by 150 ms each way',
    run: inTrouble('delay', 150),
  },
  {
    name: 'network-slower',
    title: 'the network delays everything by 1.5 s each way',
    run: inTrouble('delay', 1_500),
  },
  {
    name: 'network-drops',
    title: 'the network swallows everything; connections that lost something stay silent',
    run: inTrouble('drop'),
  },
  {
    name: 'network-forgets',
    title: 'a firewall forgets all connections: they are silent for good, new ones are not',
    async run(world) {
      world.proxy.forget();
    },
  },
  {
    name: 'network-half-open',
    title: 'connections end; new ones are accepted, and never answered',
    run: inTrouble('half-open'),
  },
  {
    name: 'network-resets',
    title: 'connections are reset, those that come as well',
    run: inTrouble('reset'),
  },
  {
    name: 'network-resets-often',
    title: 'all connections are reset, ten times',
    async run(world) {
      for (let count = 0; count < 10; count++) {
        world.proxy.reset();
        await world.during(150);
      }
    },
  },
];

/** The network does something with all traffic for a while, and passes it again. */
function inTrouble(mode: ProxyMode, delay?: number): Fault['run'] {
  return async (world) => {
    world.proxy.set(mode, delay);
    await world.during(TROUBLE);
    world.proxy.set('pass');
  };
}
