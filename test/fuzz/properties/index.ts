import type { FuzzProperty } from '../fuzz-property.js';
import type { World } from '../world.js';
import { cookieProperties } from './cookies.js';
import { limitProperties } from './limits.js';
import { pathProperties } from './paths.js';
import { rowProperties } from './rows.js';
import { optionProperties } from './options.js';
import { faultProperties } from './faults.js';
import { valueProperties } from './values.js';
import { idProperties } from './ids.js';

/** All that is claimed, and how much of a run it gets. */
export const propertiesOf = (world: World): FuzzProperty[] => [
  ...cookieProperties(world),
  ...idProperties(world),
  ...valueProperties(world),
  ...limitProperties(world),
  ...pathProperties(world),
  ...rowProperties(world),
  ...optionProperties(),
  ...faultProperties(world),
];
