import type { Attributes, BatchObservableCallback, Meter, MeterProvider } from '@opentelemetry/api';
import { DURATIONS, SIZES } from '../stats/histogram.js';
import type { SessionMeter } from '../stats/session-meter.js';
import type { MeterObserver } from '../stats/observer.js';
import { FIGURES, instrumentOf } from './figures.js';
import type { LiveCount } from './live-count.js';
import { errorType, statementAttributes } from './statement-names.js';

const SECOND = 1_000;

/** What the metrics of one registration are about. */
export interface MeasuredSessions {
  readonly meter: SessionMeter;
  /** The name of the table. */
  readonly table: string;
  /** `null`: they are not counted. */
  readonly live: LiveCount | null;
  /** What every metric says besides. */
  readonly attributes: Attributes;
}

/** Has a meter provider collect the figures, and record the histograms. Returns how to end that. */
export function measure(sessions: MeasuredSessions, provider: MeterProvider): () => void {
  const meter = provider.getMeter('nestjs-mikro-session');
  const { store } = sessions.meter;
  store.observe(histogramsOf(meter, sessions));
  const stopObserving = observeFigures(meter, sessions);
  return () => {
    store.observe(null);
    stopObserving();
  };
}

/** All that is no histogram: read when it is collected. */
function observeFigures(meter: Meter, sessions: MeasuredSessions): () => void {
  const figures = FIGURES.map((figure) => ({ read: figure.read, instrument: instrumentOf(meter, figure) }));
  const live = meter.createObservableGauge('mikro_session.live', {
    unit: '{session}',
    description: 'Live sessions of all processes, as they were counted last',
  });
  const observe: BatchObservableCallback = (result) => {
    const stats = sessions.meter.stats();
    for (const { read, instrument } of figures) {
      for (const [value, attributes] of read(stats)) {
        result.observe(instrument, value, { ...sessions.attributes, ...attributes });
      }
    }
    const count = sessions.live?.value ?? null;
    if (count !== null) result.observe(live, count, sessions.attributes);
  };
  const observed = [...figures.map(({ instrument }) => instrument), live];
  meter.addBatchObservableCallback(observe, observed);
  return () => meter.removeBatchObservableCallback(observe, observed);
}

/** Histograms, which OpenTelemetry has to be told of as the values come. */
function histogramsOf(meter: Meter, { table, attributes }: MeasuredSessions): MeterObserver {
  const seconds = { explicitBucketBoundaries: DURATIONS.map((bound) => bound / SECOND) };
  const sizes = meter.createHistogram('mikro_session.queue.batch_size', {
    unit: '{request}',
    description: 'How many requests a statement carried',
    advice: { explicitBucketBoundaries: [...SIZES] },
  });
  const waits = meter.createHistogram('mikro_session.queue.wait_time', {
    unit: 's',
    description: 'How long a request waited until its statement was sent',
    advice: seconds,
  });
  const durations = meter.createHistogram('db.client.operation.duration', {
    unit: 's',
    description: 'Duration of database client operations.',
    advice: seconds,
  });
  const ofQueue = once((queue: string) => ({ ...attributes, 'mikro_session.queue': queue }));
  const ofStatement = once((name: Parameters<MeterObserver['answered']>[0]) => ({
    ...attributes,
    ...statementAttributes(name, table),
  }));
  return {
    sent: (queue, size) => sizes.record(size, ofQueue(queue)),
    waited: (queue, wait) => waits.record(wait / SECOND, ofQueue(queue)),
    answered: (name, duration, error) => {
      const given = ofStatement(name);
      durations.record(duration / SECOND, error === null ? given : { ...given, 'error.type': errorType(error) });
    },
  };
}

/** The same function, which makes one object for a key, not one for each call. */
function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}
