import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { blockFor } from '../../support/block.js';
import { changesOf, loginTo, useStores } from './stores.js';

const stores = useStores();
const TIMEOUT = 400;
/** Longer than the server waits for the next statement of a transaction, in milliseconds. */
const LONG = 2.5 * TIMEOUT;
const increment = changesOf({ increment: { n: 1 } });

let store: MikroOrmSessionStore;
beforeAll(async () => {
  store = await stores.openStore({ queryTimeout: TIMEOUT });
});

/** Has something done right after the next such statement is sent, until the test ends. */
function onceSent(statement: RegExp, act: (client: pg.Client) => void): void {
  let isOver = false;
  // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const answer = query.apply(this, args);
    if (!isOver && statement.test((args[0] as { text?: string }).text ?? '')) {
      isOver = true;
      act(this);
    }
    return answer;
  } as never);
}

const [BEGIN, LOCK, WRITE, COMMIT] = [/^begin /, /skip locked/, /unnest/, /^commit$/];

const block = (): void => blockFor(LONG);
/** The connection ends. */
const cut = (client: pg.Client): void => {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
};

describe('A transaction of a session, while a handler computes for longer than the server waits for its next statement,', () => {
  it.each([
    ['as it is begun', BEGIN],
    ['as it locks the row', LOCK],
    ['as it writes', WRITE],
    ['as it is committed', COMMIT],
  ])('is done all the same, and once: update() %s', async (_, statement) => {
    const { id } = await stores.create();
    onceSent(statement, block);
    expect(await store.update(id, 0, () => increment)).toMatchObject({ id });
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });

  it('is done all the same: login()', async () => {
    const { id } = await stores.create();
    onceSent(LOCK, block);
    expect(await store.login(loginTo(id), () => increment.data)).toMatchObject({ id, userId: 'ada' });
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });

  it('is not tried again where it is its own function that computes, which would again', async () => {
    const { id } = await stores.create();
    const compute = jest.fn(() => {
      block();
      return increment;
    });
    await expect(store.update(id, 0, compute)).rejects.toThrow(SessionStoreUnavailableError);
    expect(compute).toHaveBeenCalledTimes(1);
    expect(await stores.dataOf(id)).toEqual({});
  });

  it('fails as its function does, which throws', async () => {
    const { id } = await stores.create();
    const error = new Error('sold out');
    const refuse = jest.fn(() => {
      throw error;
    });
    onceSent(LOCK, block);
    await expect(store.update(id, 0, refuse)).rejects.toBe(error);
    expect(refuse).toHaveBeenCalledTimes(1);
  });
});

describe('A transaction of a session whose connection ends', () => {
  it.each([
    ['as it is begun', BEGIN],
    ['as it writes', WRITE],
  ])('%s is begun anew on another one', async (_, statement) => {
    const { id } = await stores.create();
    onceSent(statement, cut);
    expect(await store.update(id, 0, () => increment)).toMatchObject({ id });
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });

  it('as COMMIT was sent is not: it may have been committed', async () => {
    const { id } = await stores.create();
    onceSent(COMMIT, cut);
    const change = jest.fn(() => increment);
    await expect(store.update(id, 0, change)).rejects.toThrow(SessionStoreUnavailableError);
    expect(change).toHaveBeenCalledTimes(1);
    await stores.untilNoTransaction();
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });
});
