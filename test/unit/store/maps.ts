import { jest } from '@jest/globals';

/** The maps in which something is kept under a key while work is done: what stays in them is memory that nothing frees. */
export async function mapsWith(key: unknown, work: () => unknown): Promise<Map<unknown, unknown>[]> {
  const set = jest.spyOn(Map.prototype, 'set');
  try {
    await work();
    return (set.mock.contexts as Map<unknown, unknown>[]).filter((_map, call) => set.mock.calls[call]?.[0] === key);
  } finally {
    set.mockRestore();
  }
}
