import type { Attributes, Meter, Observable } from '@opentelemetry/api';
import type { SessionStats } from '../stats/session-stats.js';

/** A value, and the attributes that tell it from the others of its metric. */
type Observation = readonly [value: number, attributes?: Attributes];

/** A metric that is read from the figures of the sessions. */
export interface Figure {
  readonly name: string;
  readonly kind: 'counter' | 'up-down counter' | 'gauge';
  readonly unit: string;
  readonly description: string;
  /** None where the store does not have it. */
  readonly read: (stats: SessionStats) => readonly Observation[];
}

const SECOND = 1_000;

/** The metrics that are no histograms: docs/metrics.md has them all. */
export const FIGURES: readonly Figure[] = [
  {
    name: 'mikro_session.lookups',
    kind: 'counter',
    unit: '{lookup}',
    description: 'Look-ups of presented tokens in the store',
    read: ({ lookups, tokens }) =>
      by('mikro_session.lookup.outcome', {
        found: lookups.found,
        absent: tokens.rejected.unknown,
        failed: lookups.failed,
      }),
  },
  {
    name: 'mikro_session.tokens',
    kind: 'counter',
    unit: '{token}',
    description: 'Tokens that were presented: accepted, or why not',
    read: ({ tokens: { accepted, inGrace, rejected } }) =>
      by('mikro_session.token.outcome', {
        accepted: accepted - inGrace,
        accepted_in_grace: inGrace,
        ...rejected,
      }),
  },
  {
    name: 'mikro_session.origin.refused',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests and messages of pages of other origins that were refused',
    read: ({ origins }) => [[origins.refused]],
  },
  {
    name: 'mikro_session.events',
    kind: 'counter',
    unit: '{event}',
    description: 'What happened to sessions by this process',
    read: ({ sessions }) =>
      by('mikro_session.event', {
        created: sessions.created,
        login: sessions.loggedIn,
        logout: sessions.loggedOut,
        rotated: sessions.rotated,
        destroyed: sessions.destroyed,
        revoked: sessions.revoked,
        expired: sessions.expired,
      }),
  },
  {
    name: 'mikro_session.commits',
    kind: 'counter',
    unit: '{commit}',
    description: 'Changes of sessions that were written, met the end of their session, or failed',
    read: ({ commits: { written, conflicts, failed } }) =>
      by('mikro_session.commit.outcome', { written, conflict: conflicts, failed }),
  },
  {
    name: 'mikro_session.renewal.requested',
    kind: 'counter',
    unit: '{renewal}',
    description: 'Renewals that were handed to the store',
    read: ({ renewals }) => [[renewals.requested]],
  },
  {
    name: 'mikro_session.renewal.written',
    kind: 'counter',
    unit: '{renewal}',
    description: 'Renewals that the store has written',
    read: ({ renewals }) => [[renewals.written]],
  },
  {
    name: 'mikro_session.renewal.failures',
    kind: 'counter',
    unit: '{failure}',
    description: 'How many times renewals that were waiting could not be written',
    read: ({ renewals }) => [[renewals.failures]],
  },
  {
    name: 'mikro_session.renewal.refused',
    kind: 'counter',
    unit: '{renewal}',
    description: 'Renewals that the store refuses for good',
    read: ({ renewals }) => [[renewals.refused]],
  },
  {
    name: 'mikro_session.renewal.oldest',
    kind: 'gauge',
    unit: 's',
    description: 'How long the renewal that waits longest has',
    read: ({ renewals }) => [[renewals.oldest / SECOND]],
  },
  {
    name: 'mikro_session.sweep.batches',
    kind: 'counter',
    unit: '{batch}',
    description: 'Batches of expired rows that sweeps have removed',
    read: ({ sweeps }) => [[sweeps.batches]],
  },
  {
    name: 'mikro_session.sweep.failures',
    kind: 'counter',
    unit: '{failure}',
    description: 'Sweeps that have failed',
    read: ({ sweeps }) => [[sweeps.failures]],
  },
  {
    name: 'mikro_session.adoption',
    kind: 'counter',
    unit: '{session}',
    description: 'Sessions of express-session that were taken over, and those that were not',
    read: ({ adoption }) => (adoption === null ? [] : by('mikro_session.adoption.outcome', { ...adoption })),
  },
  {
    name: 'mikro_session.feed.connected',
    kind: 'gauge',
    unit: '1',
    description: '1 while the cache hears of the changes of other processes, 0 while it does not',
    read: ({ feed }) => (feed === null ? [] : [[feed.connected ? 1 : 0]]),
  },
  {
    name: 'mikro_session.feed.losses',
    kind: 'counter',
    unit: '{loss}',
    description: 'How many times the feed of the cache was lost',
    read: ({ feed }) => (feed === null ? [] : [[feed.losses]]),
  },
  {
    name: 'mikro_session.cache.lookups',
    kind: 'counter',
    unit: '{lookup}',
    description: 'Look-ups that the cache answered, and those that it did not',
    read: ({ cache }) =>
      cache === null ? [] : by('mikro_session.cache.result', { hit: cache.hits, miss: cache.misses }),
  },
  {
    name: 'mikro_session.cache.entries',
    kind: 'up-down counter',
    unit: '{session}',
    description: 'Sessions in the cache',
    read: ({ cache }) => (cache === null ? [] : [[cache.entries]]),
  },
  {
    name: 'mikro_session.cache.limit',
    kind: 'up-down counter',
    unit: '{session}',
    description: 'How many sessions the cache may hold',
    read: ({ cache }) => (cache === null ? [] : [[cache.max]]),
  },
  {
    name: 'mikro_session.queue.waiting',
    kind: 'up-down counter',
    unit: '{request}',
    description: 'Requests that wait for a statement',
    read: ({ queues }) => byQueue(queues, ({ waiting }) => waiting),
  },
  {
    name: 'mikro_session.queue.locked',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that found their row locked by another transaction',
    read: ({ queues }) => byQueue(queues, ({ locked }) => locked),
  },
  {
    name: 'mikro_session.queue.late',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that were given up as their time was over',
    read: ({ queues }) => byQueue(queues, ({ late }) => late),
  },
];

/** The instrument of a figure. */
export function instrumentOf(meter: Meter, { name, kind, unit, description }: Figure): Observable {
  if (kind === 'counter') return meter.createObservableCounter(name, { unit, description });
  if (kind === 'gauge') return meter.createObservableGauge(name, { unit, description });
  return meter.createObservableUpDownCounter(name, { unit, description });
}

function by(attribute: string, values: Readonly<Record<string, number>>): Observation[] {
  return Object.entries(values).map(([name, value]) => [value, { [attribute]: name }]);
}

type Queues = SessionStats['queues'];

function byQueue(queues: Queues, valueOf: (queue: NonNullable<Queues>['find']) => number): Observation[] {
  return Object.entries(queues ?? {}).map(([name, queue]) => [valueOf(queue), { 'mikro_session.queue': name }]);
}
