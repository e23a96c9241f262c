import { describe, expect, it } from '@jest/globals';
import {
  isBadState,
  isCutOff,
  isOfLock,
  mayConcernOneRow,
  refusalOf,
  wasRolledBack,
} from '../../../../lib/store/postgres/driver/refusals.js';

/** An error as the server sends it, or a pooler, which names no part of the server. */
const ofServer = (code: string, routine = 'ProcessInterrupts'): unknown => ({ severity: 'ERROR', code, routine });
const ofPooler = (code: string): unknown => ({ severity: 'FATAL', code });
/** As a driver of an application's own may pass it on. */
const ofDriver = (code: string): unknown => ({ code });

describe('What is made of an error', () => {
  it.each<[string, unknown, { repeats: boolean; splits: boolean }]>([
    ['a serialization failure', ofServer('40001'), { repeats: true, splits: false }],
    ['a deadlock', ofServer('40P01'), { repeats: true, splits: false }],
    ['a commit of which nobody knows whether it was made', ofServer('40003'), { repeats: false, splits: false }],
    ['a transaction that is read-only', ofServer('25006'), { repeats: true, splits: false }],
    ['the time limit of a transaction', ofServer('25P04'), { repeats: false, splits: false }],
    ['a statement that is not prepared', ofServer('26000'), { repeats: true, splits: false }],
    ['a protocol violation', ofServer('08P01'), { repeats: true, splits: false }],
    ['what PgBouncer says of all that ails it', ofPooler('08P01'), { repeats: false, splits: false }],
    ['a connection that has failed', ofServer('08006'), { repeats: false, splits: false }],
    ['an end by the administrator', ofServer('57P01'), { repeats: false, splits: false }],
    ['a bug of the server', ofServer('XX000'), { repeats: false, splits: true }],
    ['the same code of a pooler', ofPooler('XX000'), { repeats: false, splits: false }],
    ['a policy that refuses a row, without a routine', ofDriver('42501'), { repeats: false, splits: true }],
    ['a policy that refuses a row', ofServer('42501'), { repeats: false, splits: true }],
    ['a table that is missing', ofServer('42P01'), { repeats: false, splits: false }],
    [
      'a trigger that throws a code of the server',
      ofServer('40001', 'exec_stmt_raise'),
      { repeats: true, splits: false },
    ],
    ['a broken socket', { code: 'EPIPE' }, { repeats: false, splits: false }],
  ])('%s', (_what, error, { repeats, splits }) => {
    expect({ repeats: wasRolledBack(error) || isBadState(error), splits: mayConcernOneRow(error) }).toEqual({
      repeats,
      splits,
    });
    expect(refusalOf(error)).toBeUndefined();
  });

  it('tells one of ours by whose cause it has waited too long for a lock', () => {
    const by = (cause: unknown): Error => new Error('ours', { cause });
    expect(isOfLock(by(ofServer('55P03')))).toBe(true);
    for (const other of [by(ofServer('55P03', 'exec_stmt_raise')), by(ofServer('55000')), by(null), null]) {
      expect(isOfLock(other)).toBe(false);
    }
  });

  it('names why data are refused, and nothing for what is no error of the database', () => {
    expect(refusalOf(ofServer('22003'))).toContain('increment() or push()');
    expect(refusalOf(ofServer('23505'))).toContain('a constraint or a trigger');
    for (const none of [new Error('text'), null, undefined, 'text']) {
      expect([refusalOf(none), wasRolledBack(none), mayConcernOneRow(none), isBadState(none)]).toEqual([
        undefined,
        false,
        false,
        false,
      ]);
      expect(isCutOff(none)).toBe(true);
    }
  });
});
