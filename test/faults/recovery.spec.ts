import { expect, it } from '@jest/globals';
import { recoveryOf } from './load/recovery.js';

const served = (begin: number) => ({ begin, status: 200 });
const refused = (begin: number) => ({ begin, status: 503 });

it.each([
  ['at once, where all are served', [served(110), served(111)], 0],
  ['when the last one began that was refused', [served(110), refused(140), served(150)], 40],
  ['when the last one began that was not answered', [served(110), { begin: 170, status: 0 }, served(171)], 70],
  ['never, where none is served', [refused(110)], Infinity],
  ['never, where none is served after the last that was not', [served(110), refused(120)], Infinity],
  ['not by what began before', [refused(10), served(101)], 0],
])('requests are served again %s', (_what, answers, expected) => {
  expect(recoveryOf(answers, 100)).toBe(expected);
});
