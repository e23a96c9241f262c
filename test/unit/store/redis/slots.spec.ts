import { expect, it } from '@jest/globals';
import { slotOf } from '../../../../lib/store/redis/slots.js';

// As `CLUSTER KEYSLOT` of Redis 7.0 says.
it.each([
  ['', 0],
  ['123456789', 12_739],
  ['session:s:0192d4f0-0000-7000-8000-000000000000', 1_107],
  ['session:u:ada', 5_616],
  ['session:u:zoë', 10_696],
  ['session:u:{ada}', 5_938],
  ['session:u:{ada}{bob}', 5_938],
  ['foo{}{bar}', 8_363],
  ['foo{{bar}}zap', 4_015],
  ['foo}bar{', 11_073],
])('A key of a cluster is in the slot that Redis says: %j', (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});
