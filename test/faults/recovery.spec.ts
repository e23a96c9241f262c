import { expect, it } from '@jest/globals';
import { recoveryOf } from './load/recovery.js';

const served = (begin: number, end: number) => ({ begin, end, status: 200 });
const refused = (begin: number, end: number) => ({ begin, end, status: 503 });

it.each([
  ['the first answer, where all are served', [served(110, 130), served(111, 190)], 30],
  [
    'a refused request’s beginning, however late it was answered',
    [served(110, 115), refused(140, 900), served(150, 160)],
    40,
  ],
  ['a request without an answer, too', [served(110, 115), { begin: 170, end: 171, status: 0 }], 70],
  ['never, where none is served', [refused(110, 120)], Infinity],
  ['nothing of what began before', [refused(10, 500), served(101, 102)], 2],
])('recovery is counted until %s', (_what, answers, expected) => {
  expect(recoveryOf(answers, 100)).toBe(expected);
});
