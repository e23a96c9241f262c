import { describe, expect, it } from '@jest/globals';
import { lossesOf } from '../../../bench/report/losses.js';
import { once, resultsOf } from './run-of.js';

describe('where ours loses', () => {
  it('is said of first writes and logins, beside each peer that is faster', () => {
    const figures = [
      once('ours on express', 'login', 100),
      once('express-session + connect-redis', 'login', 150),
      once('express-session + connect-pg-simple', 'login', 50),
      once('ours on express', 'first write', 100),
      once('express-session + connect-redis', 'first write', 99),
    ];
    expect(lossesOf(resultsOf({ once: figures }))).toEqual([
      'login: ours on express is slower than express-session + connect-redis, which has 1.50 × the requests/s of ours.',
    ]);
  });
});
