import { describe, expect, it } from '@jest/globals';
import { Troubles } from '../../lib/troubles.js';

const SECOND = 1_000;

function world() {
  const lines: string[] = [];
  const clock = { now: 0 };
  const log = {
    log: (line: string) => lines.push(`log: ${line}`),
    warn: (line: string) => lines.push(`warn: ${line}`),
    error: (line: string, stack?: string) => lines.push(`error: ${line}${stack === undefined ? '' : ` ${stack}`}`),
  };
  const troubles = new Troubles(log, () => clock.now);
  /** The lines since the last call. */
  const told = (): string[] => lines.splice(0);
  return { troubles, clock, told };
}

describe('A kind of trouble', () => {
  it('is one line when it begins, at its level, with the stack where there is one', () => {
    const { troubles, told } = world();
    troubles.warn('feed', 'The feed is lost.');
    troubles.error('store', 'The store is away.');
    troubles.error('bug', 'It broke.', 'at line 1');
    expect(told()).toEqual(['warn: The feed is lost.', 'error: The store is away.', 'error: It broke. at line 1']);
  });

  it('is at most one line a minute while it lasts, with how often it was met since', () => {
    const { troubles, clock, told } = world();
    for (; clock.now < 150 * SECOND; clock.now += SECOND) troubles.warn('store', `Away at ${clock.now / SECOND}.`);
    expect(told()).toEqual([
      'warn: Away at 0.',
      'warn: Away at 60. (The same 59 times since the last line.)',
      'warn: Away at 120. (The same 59 times since the last line.)',
    ]);
  });

  it('is one line when it is over, with how long it lasted and how often it was met', () => {
    const { troubles, clock, told } = world();
    for (; clock.now <= 12 * SECOND; clock.now += SECOND) troubles.warn('store', 'Away.');
    told();
    troubles.over('store', 'It is back.');
    troubles.over('store', 'It is back.');
    expect(told()).toEqual(['log: It is back. It failed 13 times in 12 s.']);
  });

  it('is not over that was never met', () => {
    const { troubles, told } = world();
    troubles.over('store', 'It is back.');
    troubles.warn('store', 'Away.');
    troubles.over('feed', 'It is back.');
    expect(told()).toEqual(['warn: Away.']);
  });

  it('is not over before it was calm for a while, where one success proves little', () => {
    const { troubles, clock, told } = world();
    troubles.warn('store', 'Away.');
    clock.now = 4 * SECOND;
    troubles.over('store', 'It is back.', 5 * SECOND);
    troubles.warn('store', 'Away.');
    clock.now = 8.9 * SECOND;
    troubles.over('store', 'It is back.', 5 * SECOND);
    expect(told()).toEqual(['warn: Away.']);
    clock.now = 9 * SECOND;
    troubles.over('store', 'It is back.', 5 * SECOND);
    expect(told()).toEqual(['log: It is back. It failed twice in 4 s.']);
  });

  it('is two lines a minute at most where it comes and goes', () => {
    const { troubles, clock, told } = world();
    for (; clock.now < 120 * SECOND; clock.now += SECOND) {
      troubles.warn('feed', 'Lost.');
      troubles.over('feed', 'Back.');
    }
    expect(told()).toEqual([
      'warn: Lost.',
      'log: Back. It failed once.',
      'warn: Lost. (The same 59 times since the last line.)',
      'log: Back. It failed once.',
    ]);
  });

  it('counts anew when it comes back after it was over', () => {
    const { troubles, clock, told } = world();
    troubles.warn('feed', 'Lost.');
    troubles.warn('feed', 'Lost.');
    troubles.over('feed', 'Back.');
    clock.now = 70 * SECOND;
    troubles.warn('feed', 'Lost.');
    clock.now = 75 * SECOND;
    troubles.over('feed', 'Back.');
    expect(told()).toEqual(['warn: Lost.', 'log: Back. It failed twice.', 'warn: Lost.', 'log: Back. It failed once.']);
  });

  it('holds up no other', () => {
    const { troubles, told } = world();
    for (const kind of ['one', 'two', 'one', 'two']) troubles.warn(kind, kind);
    troubles.over('one', 'One is over.');
    expect(told()).toEqual(['warn: one', 'warn: two', 'log: One is over. It failed twice.']);
  });

  it('is forgotten when very many others have come', () => {
    const { troubles, told } = world();
    for (let kind = 0; kind <= 200; kind++) troubles.warn(`kind ${kind}`, `Line ${kind}.`);
    expect(told()).toHaveLength(201);
    troubles.warn('kind 200', 'The last.');
    troubles.warn('kind 0', 'The first.');
    expect(told()).toEqual(['warn: The first.']);
  });
});
