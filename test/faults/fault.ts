import type { SessionModuleOptions } from 'nestjs-mikro-session';
import type { World } from './world.js';

/** Something that goes wrong, and has an end. */
export interface Fault {
  /** What it is run by. */
  readonly name: string;
  /** A few words for a table. */
  readonly title: string;
  /** What the application is set up with. */
  readonly options?: SessionModuleOptions;
  /** A PostgreSQL of its own, or the one that others use, too. */
  readonly server?: 'shared' | ServerNeeds;
  /** Whether a PgBouncer is between the application and the server. */
  readonly hasPooler?: boolean;
  /** How many connections of MikroORM's pool the fault has handlers hold. */
  readonly held?: number;
  /** How long the application itself cannot answer, in milliseconds: as long as a request may take besides. */
  readonly pause?: number;
  /** Whether there is another application on the same database, which ends sessions by the service. */
  readonly hasSecond?: boolean;
  /** How long the end of a session may take to be heard of by the other application, in milliseconds. */
  readonly hearing?: number;
  /** Begins when all runs well, and returns when the fault has ended. */
  run(world: World): Promise<void>;
}

/** What a server of a fault's own is to be. */
export interface ServerNeeds {
  /** Whether a hot standby follows it, which has heard of what is acknowledged. */
  readonly hasStandby?: boolean;
  /** The size of the disk that it has to itself; without it, it shares that of the others. */
  readonly diskMiB?: number;
}

/** A fault cannot be had here, and why. */
export class Skipped extends Error {}
