import { describe, expect, it } from '@jest/globals';
import { load } from './documents.js';

describe('Errors about arguments', () => {
  const document = load('{"text":"a","n":1}');
  const LONG = 'k'.repeat(401);
  const SHORT = `${'k'.repeat(400)}…`;

  it.each<[() => unknown, string]>([
    [() => document.increment('n', '1' as never), 'increment("n") needs a finite number to add, not a string.'],
    [() => document.increment(LONG, NaN), `increment("${SHORT}") needs a finite number to add, not a number.`],
    [() => document.increment('text', 1), 'increment("text") needs a number there, but found a string.'],
    [() => document.push('text', [1]), 'push("text") needs an array there, but found a string.'],
    [() => document.increment('a.b', 1), 'increment() works on a top-level key, not a path.'],
    [() => document.push('a.b', [1]), 'push() works on a top-level key, not a path.'],
    [() => document.push('', [1]), 'push() works on a top-level key, not a string.'],
    [() => document.push(7 as never, [1]), 'push() works on a top-level key, not a number.'],
    [() => document.flash('', 1), "flash() needs a category such as 'success', not a string."],
    [() => document.flashes(7 as never), "flashes() takes a category such as 'success', not a number."],
    [() => document.set('$a', 1), 'Session data cannot have a key "$a"; keys that begin with "$" are reserved.'],
  ])('name the method, the key and the kind of what was found: %#', (call, message) => {
    expect(call).toThrow(message);
  });

  it('name a reserved key that was written into the data', () => {
    const written = load('{}');
    written.data['$a'] = 1;
    expect(() => written.changes()).toThrow(
      'Session data has a key "$a"; keys that begin with "$" are reserved. Rename it.',
    );
  });
});
