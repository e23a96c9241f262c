import { describe, expect, it } from '@jest/globals';
import { PieceSize } from '../../../../lib/store/batching/piece-size.js';

describe('The size of pieces', () => {
  it('is a quarter after one that failed, down to one', () => {
    const piece = new PieceSize(64, 1_000);
    const sizes = [piece.size];
    while (piece.shrink()) sizes.push(piece.size);
    expect(sizes).toEqual([64, 16, 4, 1]);
  });

  it('is doubled after a quick one, up to where it began, and kept after one that took long', () => {
    const piece = new PieceSize(64, 1_000);
    piece.shrink();
    piece.succeeded(250);
    expect(piece.size).toBe(16);
    for (const expected of [32, 64, 64]) {
      piece.succeeded(249);
      expect(piece.size).toBe(expected);
    }
  });

  it('grows from a smaller first one in the same way', () => {
    const piece = new PieceSize(4, 1_000, 1);
    const sizes = [piece.size];
    for (let n = 0; n < 3; n++) {
      piece.succeeded(1);
      sizes.push(piece.size);
    }
    expect([...sizes, piece.shrink(), piece.size]).toEqual([1, 2, 4, 4, true, 1]);
  });
});
