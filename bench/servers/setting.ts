import type { INestApplication } from '@nestjs/common';
import type { Contestant } from '../contestants.js';

/** What a server is told. Travels as JSON. */
export interface Setting {
  readonly contestant: Contestant;
  /** Empty where the contestant uses none. */
  readonly databaseUrl: string;
  /** Of one, or of the primaries of a cluster; empty where the contestant uses none. */
  readonly redisUrls: readonly string[];
  /** How many connections to PostgreSQL. */
  readonly poolSize: number;
  /** For those who sign their cookies. */
  readonly secret: string;
  /** How long a session lives without a request, in seconds. */
  readonly idleSeconds: number;
}

/** Starts a contestant; each file in this folder that is named after one exports it as `start`. */
export type StartServer = (setting: Setting) => Promise<INestApplication>;
