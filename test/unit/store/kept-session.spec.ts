import { describe, expect, it } from '@jest/globals';
import { bytesOf, lasting } from '../../../lib/store/kept-session.js';
import { storedSession } from '../session/stored.js';

describe('The memory that a kept session takes', () => {
  it('is that of its texts, twice as much where one has letters beyond Latin-1', () => {
    const nothing = bytesOf(storedSession({ data: '' }));
    const more = (given: Parameters<typeof storedSession>[0]) =>
      bytesOf(storedSession({ data: '', ...given })) - nothing;
    expect(nothing).toBe(1_000);
    expect([more({ data: '12' }), more({ auth: '123' }), more({ userId: 'u' })]).toEqual([2, 3, 1]);
    expect([more({ ip: '::1' }), more({ userAgent: 'ÿ\0' }), more({ userAgent: 'Ā' })]).toEqual([3, 2, 2]);
    expect(more({ data: '世界', userId: 'u' })).toBe(5);
  });

  it('is none of a bigger buffer’s, and of no getter’s', () => {
    const whole = Buffer.alloc(64, 7);
    const given = storedSession({ secretHash: whole.subarray(0, 32), previousSecretHash: whole.subarray(32) });
    const kept = lasting(Object.defineProperty(given, 'data', { enumerable: true, get: () => '{"n":1}' }));
    expect(kept).toEqual({ ...given, data: '{"n":1}' });
    expect([kept.secretHash.buffer.byteLength, kept.previousSecretHash?.buffer.byteLength]).toEqual([32, 32]);
    expect(Object.getOwnPropertyDescriptor(kept, 'data')).toMatchObject({ value: '{"n":1}' });
    expect(lasting(storedSession()).previousSecretHash).toBeNull();
  });
});
