import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pack, type PackedPart, packedLength, unpack } from '../../../../lib/store/postgres/packed-session.js';

/** No text of PostgreSQL has a half of a character. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const number = fc.oneof(fc.double(), fc.integer(), fc.constant(Number.NaN));
const nullable = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const hash = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const PART: fc.Arbitrary<PackedPart> = fc.record({
  secretHash: hash,
  previousSecretHash: nullable(hash),
  rotatedAt: nullable(fc.double({ noNaN: true })),
  generation: number,
  userId: nullable(text),
  auth: nullable(text),
  authenticatedAt: nullable(fc.double({ noNaN: true })),
  data: text,
  ttl: number,
  createdAt: number,
  endsAt: nullable(fc.double({ noNaN: true })),
  ip: nullable(text),
  userAgent: nullable(text),
  persistent: nullable(fc.boolean()),
});

describe('A session that is packed', () => {
  it('is the same again, wherever it lies', () => {
    fc.assert(
      fc.property(PART, fc.nat({ max: 64 }), (part, start) => {
        const bytes = Buffer.alloc(start + packedLength(part) + 16, 0xee);
        const end = pack(part, bytes, start);
        expect(end - start).toBe(packedLength(part));
        expect(unpack(bytes, start)).toEqual(part);
        expect(bytes.subarray(end)).toEqual(Buffer.alloc(16, 0xee));
        expect(bytes.subarray(0, start)).toEqual(Buffer.alloc(start, 0xee));
      }),
    );
  });

  it('is read into values of its own', () => {
    const part: PackedPart = {
      secretHash: Buffer.from('hash'),
      previousSecretHash: Buffer.from('old'),
      rotatedAt: 1,
      generation: 2,
      userId: 'ada',
      auth: '{}',
      authenticatedAt: 3,
      data: '{"n":1}',
      ttl: 4,
      createdAt: 5,
      endsAt: 6,
      ip: '::1',
      userAgent: 'Browser',
      persistent: true,
    };
    const bytes = Buffer.alloc(packedLength(part));
    pack(part, bytes, 0);
    const read = unpack(bytes, 0);
    bytes.fill(0);
    expect(read).toEqual(part);
  });
});
