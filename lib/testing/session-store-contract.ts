import { DATA } from './contract/data.js';
import { IDENTITY } from './contract/identity.js';
import { LIFETIMES } from './contract/lifetimes.js';
import { NEIGHBOURS } from './contract/neighbours.js';
import type { StoreExpectation } from './contract/support.js';

export type { StoreExpectation } from './contract/support.js';

/**
 * What every store must do, whatever it keeps sessions in; for the tests of a store of your own:
 *
 * ```ts
 * for (const { name, run } of sessionStoreContract) it(name, async () => run(await openEmptyStore()));
 * ```
 *
 * A store that several processes share is given a second one on the same sessions, too: `run(store, other)`.
 */
export const sessionStoreContract: readonly StoreExpectation[] = [...LIFETIMES, ...DATA, ...IDENTITY, ...NEIGHBOURS];
