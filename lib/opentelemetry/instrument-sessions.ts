import { type Attributes, type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api';
import type { INestApplicationContext } from '@nestjs/common';
import { SessionSource } from '../nest/context/session-source.js';
import { SessionService } from '../nest/session.service.js';
import { type Duration, durationOf } from '../session/lifetime.js';
import type { SessionMeter } from '../stats/session-meter.js';
import { LiveCount } from './live-count.js';
import { measure } from './metrics.js';
import { traceSessions } from './traces.js';

/** How {@link instrumentSessions} does it. */
export interface SessionInstrumentationOptions {
  /** Where metrics go. @default the global one of `@opentelemetry/api` */
  readonly meterProvider?: MeterProvider;
  /** Where spans go. @default the global one of `@opentelemetry/api` */
  readonly tracerProvider?: TracerProvider;
  /** Whether there are spans: one for each statement, and one for each use of the store by a request that is traced. @default true */
  readonly spans?: boolean;
  /**
   * How often the live sessions are counted at most, for the gauge `mikro_session.live`. To count them, the database looks at
   * every row, and all processes count the same: switch it on in one. Not counted unless given.
   */
  readonly countEvery?: Duration;
  /** What all metrics carry besides, to tell several applications of one process apart. @default {} */
  readonly attributes?: Attributes;
}

/** The registrations that are instrumented, and how to end that. */
const instrumented = new WeakMap<SessionMeter, () => void>();

/**
 * Hands the figures of an application's sessions to OpenTelemetry: counters and gauges whenever they are collected,
 * histograms as the values come, and spans of loading and saving sessions and of each statement. Call it once the application
 * is created; before it listens, nothing is missed. A second call for the same application takes the place of the first.
 *
 * Every metric and span is explained in docs/metrics.md.
 *
 * ```ts
 * const app = await NestFactory.create(AppModule);
 * instrumentSessions(app);
 * ```
 *
 * @param app whose `SessionModule` it is
 * @returns ends it: what was reported last stays as it is
 * @throws {SessionArgumentError} for a `countEvery` that is no duration.
 */
export function instrumentSessions(
  app: Pick<INestApplicationContext, 'get'>,
  options: SessionInstrumentationOptions = {},
): () => void {
  const { meterProvider = metrics.getMeterProvider(), attributes = {}, countEvery, spans = true } = options;
  const { tracerProvider = trace.getTracerProvider() } = options;
  const { manager, options: resolved } = app.get(SessionSource, { strict: false });
  const service = app.get(SessionService, { strict: false });
  const { meter } = manager;
  const every = countEvery === undefined ? null : durationOf('countEvery', countEvery);
  const live = every === null ? null : new LiveCount(() => service.count(), every);
  const { tableName: table = 'sessions' } = resolved.extras as { tableName?: string | undefined };
  instrumented.get(meter)?.();
  const stopMeasuring = measure({ meter, table, live, attributes }, meterProvider);
  const stopTracing = spans ? traceSessions(manager, table, tracerProvider) : () => {};
  const stop = (): void => {
    if (instrumented.get(meter) !== stop) return;
    instrumented.delete(meter);
    stopMeasuring();
    stopTracing();
  };
  instrumented.set(meter, stop);
  return stop;
}
