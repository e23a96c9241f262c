import { type Attributes, type MeterProvider, metrics } from '@opentelemetry/api';
import type { INestApplicationContext } from '@nestjs/common';
import { SessionSource } from '../nest/context/session-source.js';
import { SessionService } from '../nest/session.service.js';
import { type Duration, durationOf } from '../session/lifetime.js';
import type { SessionMeter } from '../stats/session-meter.js';
import { LiveCount } from './live-count.js';
import { measure } from './metrics.js';

/** How {@link instrumentSessions} does it. */
export interface SessionInstrumentationOptions {
  /** Where metrics go. @default the global one of `@opentelemetry/api` */
  readonly meterProvider?: MeterProvider;
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
 * Hands the figures of an application's sessions to OpenTelemetry: counters and gauges whenever they are collected, and
 * histograms as the values come. Call it once the application is created; before it listens, nothing is missed. A second call
 * for the same application takes the place of the first.
 *
 * Every metric is explained in docs/metrics.md.
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
  const { meterProvider = metrics.getMeterProvider(), attributes = {}, countEvery } = options;
  const { manager, options: resolved } = app.get(SessionSource, { strict: false });
  const service = app.get(SessionService, { strict: false });
  const { meter } = manager;
  const every = countEvery === undefined ? null : durationOf('countEvery', countEvery);
  const live = every === null ? null : new LiveCount(() => service.count(), every);
  const { tableName: table = 'sessions' } = resolved.extras as { tableName?: string | undefined };
  instrumented.get(meter)?.();
  const stopMeasuring = measure({ meter, table, live, attributes }, meterProvider);
  const stop = (): void => {
    if (instrumented.get(meter) !== stop) return;
    instrumented.delete(meter);
    stopMeasuring();
  };
  instrumented.set(meter, stop);
  return stop;
}
