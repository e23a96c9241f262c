import { describe, expect, it } from '@jest/globals';
import { draftOf } from '../../../../lib/session/data/draft.js';
import { SessionArgumentError, SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';

const fail = (error: unknown): void => {
  throw new Error('the stored data could not be read', { cause: error });
};

describe('draftOf', () => {
  it('says what a function changed, what it returned, and what the data is afterwards', () => {
    const { result, changes, text } = draftOf(
      '{"n": 1, "gone": 1, "$flash:1": {}}',
      (data) => {
        delete data['gone'];
        data['n'] += 1;
        return data['n'] as number;
      },
      fail,
    );
    expect(result).toBe(2);
    expect([[...(changes?.set ?? [])], changes?.unset]).toEqual([[['n', '2']], ['gone']]);
    expect(JSON.parse(text)).toEqual({ n: 2, '$flash:1': {} });
  });

  it('says that nothing was changed, and keeps the text', () => {
    const text = '{ "b": 1,  "a": [] }';
    expect(draftOf(text, (data) => data['a'] as unknown, fail)).toEqual({ result: [], changes: null, text });
  });

  it('leaves out what became undefined', () => {
    expect(JSON.parse(draftOf('{"a": 1, "b": 2}', (data) => void (data['a'] = undefined), fail).text)).toEqual({
      b: 2,
    });
  });

  it('refuses what cannot be stored', () => {
    const action = () => draftOf('{}', (data) => void (data['cart'] = { at: new Date() }), fail);
    expect(errorOf(SessionDataError, action).path).toBe('cart.at');
  });

  it('lets an error of the function through', () => {
    const error = new RangeError('sold out');
    const action = () =>
      draftOf(
        '{}',
        () => {
          throw error;
        },
        fail,
      );
    expect(errorOf(RangeError, action)).toBe(error);
  });

  it('refuses an asynchronous function, whatever becomes of it', () => {
    const action = () => draftOf('{}', () => Promise.reject(new Error('nobody hears of it')), fail);
    expect(errorOf(SessionArgumentError, action).message).toContain('not asynchronous');
  });

  it('reads as empty what cannot be read, and tells so', () => {
    const problems: unknown[] = [];
    const { result } = draftOf(
      '[',
      (data) => Object.keys(data),
      (error) => problems.push(error),
    );
    expect([result, problems.length]).toEqual([[], 1]);
  });
});

describe('What was wrong once', () => {
  it('refuses whatever can be awaited, such as a query builder, not only promises', () => {
    // oxlint-disable-next-line unicorn/no-thenable -- that is the case
    const awaitable = { then: (resolve: (value: number) => void) => resolve(1) };
    expect(() => draftOf('{}', () => awaitable, fail)).toThrow(SessionArgumentError);
  });
});
