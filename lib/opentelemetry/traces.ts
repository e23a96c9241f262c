import {
  type Context,
  context,
  createContextKey,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type TracerProvider,
} from '@opentelemetry/api';
import type { SessionManager } from '../session-manager.js';
import { SessionError } from '../session.errors.js';
import type { WorkTracer } from '../stats/observer.js';
import { errorType, statementAttributes } from './statement-names.js';
import { type RunAsSpan, TracingSessionStore } from './tracing-session-store.js';

/** The requests that a statement is for, where they are several. */
const LINKS = createContextKey('nestjs-mikro-session links');

/** Shows what is done from now on as spans. @param table its name  @returns how to end that */
export function traceSessions(manager: SessionManager, table: string, provider: TracerProvider): () => void {
  const tracer = provider.getTracer('nestjs-mikro-session');
  const asSpan: RunAsSpan = (name, run, outcomeOf) => {
    const parent = context.active();
    // Where nothing is traced, the statement alone says enough.
    if (trace.getSpan(parent) === undefined) return run();
    const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL }, parent);
    return within(span, parent, run, (result) => span.setAttribute('mikro_session.outcome', outcomeOf(result)));
  };
  const work: WorkTracer = {
    origin: () => trace.getSpanContext(context.active()) ?? null,
    batch: (origins, send) => context.with(contextOf(origins as (SpanContext | null)[]), send),
    statement: (name, send) => {
      const active = context.active();
      const attributes = statementAttributes(name, table);
      const links = (active.getValue(LINKS) as Link[] | undefined) ?? [];
      const title = attributes['db.query.summary'] ?? `postgresql ${table}`;
      const span = tracer.startSpan(title, { kind: SpanKind.CLIENT, attributes, links }, active);
      return within(span, active, send, () => {});
    },
  };
  const { store } = manager.meter;
  store.trace(work);
  const endSpans = manager.goThrough((inner) => new TracingSessionStore(inner, asSpan));
  return () => {
    store.trace(null);
    endSpans();
  };
}

/**
 * A statement for one request is its child; one for several has a trace of its own, with a link to each of them: it has no
 * parent, as none of them is more so than the others.
 */
function contextOf(origins: readonly (SpanContext | null)[]): Context {
  const distinct = new Map(
    origins.filter((origin) => origin !== null).map((origin) => [origin.traceId + origin.spanId, origin]),
  );
  const [first, ...others] = distinct.values();
  if (first === undefined) return ROOT_CONTEXT;
  if (others.length === 0) return trace.setSpanContext(ROOT_CONTEXT, first);
  return ROOT_CONTEXT.setValue(
    LINKS,
    [first, ...others].map((origin): Link => ({ context: origin })),
  );
}

async function within<Result>(
  span: Span,
  parent: Context,
  run: () => Promise<Result>,
  ended: (result: Result) => unknown,
): Promise<Result> {
  try {
    const result = await context.with(trace.setSpan(parent, span), run);
    ended(result);
    return result;
  } catch (error) {
    span.setAttribute('error.type', errorType(error));
    // Our own messages hold no values; those of others may.
    span.setStatus({ code: SpanStatusCode.ERROR, ...(error instanceof SessionError && { message: error.message }) });
    throw error;
  } finally {
    span.end();
  }
}
