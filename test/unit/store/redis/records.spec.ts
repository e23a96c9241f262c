import { afterEach, describe, expect, it } from '@jest/globals';
import { listedOf, secretsOf, sessionOf } from '../../../../lib/store/redis/records.js';

const id = '018f2b1e-7c1a-7000-8000-000000000001';

describe('A session in Redis', () => {
  const polluted = Object.prototype as Record<string, unknown>;
  afterEach(() => {
    for (const field of 'spgruankxiw') delete polluted[field];
  });

  it('has no user, and nothing else that its fields lack, where a prototype has it', () => {
    const fields = ['s', 'aGFzaA', 'g', '7', 'v', '3', 't', '1000', 'c', '1', 'l', '1', 'e', '9', '"a"', '1'];
    const read = () => [sessionOf(id, fields, 5), listedOf(id, fields, 5), secretsOf(id, fields, 5)];
    const before = read();
    for (const field of 'spgruankxiw') polluted[field] = '1';
    expect(read()).toEqual(before);
    expect(before[0]).toMatchObject({ version: '3', stored: { userId: null, auth: null, data: '{"a":1}' } });
  });
});
