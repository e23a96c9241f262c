import { describe, expect, it } from '@jest/globals';
import { Reported } from '../../../lib/store/reported.js';

describe('What was reported', () => {
  it('is known by its text, until a thousand others have come', () => {
    const reported = new Reported();
    expect([reported.isFirst('a'), reported.isFirst('b'), reported.isFirst('a')]).toEqual([true, true, false]);
    for (let n = 0; n < 998; n++) reported.isFirst(`${n}`);
    expect(reported.isFirst('a')).toBe(false);
    expect([reported.isFirst('one more'), reported.isFirst('a'), reported.isFirst('one more')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
