import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RedisNode } from '../../../../lib/store/redis/connections.js';
import { NodeClocks } from '../../../../lib/store/redis/node-clocks.js';

const nodeOf = (name: string) => ({ name, epoch: 0 }) as RedisNode & { epoch: number };

describe('The clocks of primaries', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are kept apart, and the store’s is the one that is furthest ahead', () => {
    const clocks = new NodeClocks();
    const [one, other] = [nodeOf('one'), nodeOf('other')];
    clocks.observe(one, 0, 5_000);
    clocks.observe(other, 0, 9_000);
    jest.advanceTimersByTime(10);
    expect([clocks.of(one)?.now(), clocks.of(other)?.now(), clocks.now()]).toEqual([5_010, 9_010, 9_010]);
  });

  it('are known on one connection from what the node has answered on another', () => {
    const clocks = new NodeClocks();
    const [plain, durable] = [nodeOf('one'), nodeOf('one')];
    clocks.observe(plain, 0, 5_000);
    clocks.observe(durable, 0, 5_007);
    clocks.observe(durable, 0, 5_020);
    clocks.observe(plain, 0, 5_015);
    expect(clocks.of(plain)?.now()).toBe(5_020);
  });

  it('are asked for anew on a new connection, as another server may answer there', () => {
    const clocks = new NodeClocks();
    const node = nodeOf('one');
    clocks.observe(node, 0, 5_000);
    node.epoch = 1;
    expect(clocks.of(node)).toBeNull();
    clocks.observe(node, 1, 3_000);
    expect(clocks.of(node)?.now()).toBe(3_000);
  });

  it('are not fresh a second after the last answer', () => {
    const clocks = new NodeClocks();
    const clock = clocks.observe(nodeOf('one'), 0, 5_000);
    jest.advanceTimersByTime(999);
    expect(clock.isFresh).toBe(true);
    jest.advanceTimersByTime(1);
    expect(clock.isFresh).toBe(false);
  });
});
