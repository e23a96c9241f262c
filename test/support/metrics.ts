import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** One line of what Prometheus reads. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** OpenTelemetry's own SDK, with a page that Prometheus would scrape. */
export interface Metrics {
  readonly provider: MeterProvider;
  /** All that the page says now. */
  scrape(): Promise<Sample[]>;
  /** The page itself. */
  text(): Promise<string>;
  close(): Promise<void>;
}

export async function startMetrics(): Promise<Metrics> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const text = async (): Promise<string> => (await fetch(url)).text();
  return {
    provider,
    text,
    scrape: async () => samplesOf(await text()),
    close: async () => {
      await provider.shutdown();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function samplesOf(text: string): Sample[] {
  const lines = text.matchAll(/^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gim);
  return Array.from(lines, ([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries(
      Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, key = '', of = '']) => [key, of]).filter(
        ([key]) => key?.startsWith('otel_scope') !== true,
      ),
    ),
    value: value === '+Inf' ? Infinity : Number(value),
  }));
}

/** The value of a sample, by its name and some of its labels; `undefined` where there is none. */
export function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  return samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value;
}
