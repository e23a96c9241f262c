import { Agent } from 'node:http';
import type { Performance } from './performance.js';

/** A server that plays performances. */
export interface Side {
  readonly name: string;
  readonly port: number;
  readonly agent: Agent;
  /** The performances under way, by the ticket that their requests bring. */
  readonly performances: Map<string, Performance>;
  /** Whether a browser has to keep its cookie for as long as its session lives; express-session sends it again only along with data. */
  readonly keepsCookies: boolean;
  close(): Promise<void>;
}

export function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 32 });
}

/** The performance that a request belongs to. */
export function performanceOf(
  performances: ReadonlyMap<string, Performance>,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Performance {
  const performance = performances.get(String(headers['x-ticket']));
  if (performance === undefined) throw new Error('A request without a ticket.');
  return performance;
}
