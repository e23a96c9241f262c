import { describe, expect, it } from '@jest/globals';
import { fixedRate } from '../../../bench/measure/fixed-rate.js';
import { closed } from './run-of.js';

describe('the rate of the open loop', () => {
  it('is 70 % of what the slower of ours with default options can take with most connections', () => {
    const figures = [
      closed('ours on express', 'POST', 64, 9_000),
      closed('ours on express', 'POST', 4, 1_000),
      closed('ours on express', 'GET', 64, 2_000),
      closed('ours on fastify', 'POST', 64, 8_000),
      closed('ours on express, encrypted', 'POST', 64, 3_000),
      closed('bare express', 'POST', 64, 4_000),
    ];
    expect(fixedRate('POST', figures)).toEqual({ perSecond: 5_600, of: 'ours on fastify' });
    expect(fixedRate('GET', figures)).toEqual({ perSecond: 1_400, of: 'ours on express' });
  });

  it('is that of the one which was measured', () => {
    expect(fixedRate('GET', [closed('ours on express', 'GET', 4, 100)])).toEqual({
      perSecond: 70,
      of: 'ours on express',
    });
  });

  it('is none where ours was not measured with its default options', () => {
    expect(fixedRate('GET', [])).toBeNull();
    expect(fixedRate('GET', [closed('ours on express, cached', 'GET', 64, 100)])).toBeNull();
  });
});
