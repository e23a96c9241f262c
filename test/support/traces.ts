import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, type ContextManager, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/** OpenTelemetry's own SDK, which keeps the spans that have ended. */
export interface Traces {
  readonly provider: TracerProvider;
  readonly tracer: Tracer;
  /** The spans that have ended since the last call. */
  taken(): ReadableSpan[];
  close(): Promise<void>;
}

export function startTraces(): Traces {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new AsyncContexts());
  return {
    provider,
    tracer: provider.getTracer('test'),
    taken: () => {
      const spans = exporter.getFinishedSpans();
      exporter.reset();
      return spans;
    },
    close: async () => {
      context.disable();
      await provider.shutdown();
    },
  };
}

/** What `@opentelemetry/context-async-hooks` does, as far as it is needed. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<Args extends unknown[], Work extends (...args: Args) => ReturnType<Work>>(
    active: Context,
    work: Work,
    self?: ThisParameterType<Work>,
    ...args: Args
  ): ReturnType<Work> {
    return this.#storage.run(active, () => work.apply(self, args));
  }

  bind<Target>(_active: Context, target: Target): Target {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
