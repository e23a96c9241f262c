import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { OURS, PEER } from '../cluster/contestants.js';
import type { ClusterFigures, ClusterResults } from '../cluster-results.js';
import { HOW_TO_INSTALL } from '../environment/programs.js';
import { SESSION_BYTES } from '../sample-data.js';
import type { Method } from '../results.js';
import { figure, times, withSpread } from './format.js';
import { asMarkdown, type Table } from './table.js';

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'performance-cluster.md');

/** What ours has to reach of what connect-redis does on the same cluster. */
const FLOORS: Readonly<Record<Method, number>> = { GET: 1.5, POST: 1.2 };

/** All that was measured. */
export function clusterTables({ figures, connections }: Pick<ClusterResults, 'figures' | 'connections'>): Table[] {
  return [
    ratioTable(figures),
    ...(['GET', 'POST'] as const).map((method) => figuresTable(method, connections, figures)),
  ];
}

/** Writes `docs/performance-cluster.md`. */
export async function writeClusterDocs(results: ClusterResults): Promise<void> {
  await writeFile(PAGE, await format(page(results), { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}

function ratioTable(figures: readonly ClusterFigures[]): Table {
  const rows = figures
    .filter(({ contestant }) => contestant === OURS)
    .flatMap((ours) => {
      const peer = figures.find(({ contestant, ...who }) => contestant === PEER && isSame(who, ours));
      if (peer === undefined) return [];
      const { method } = ours;
      const ratio = ours.spread.perSecond.median / peer.spread.perSecond.median;
      const verdict = ratio >= FLOORS[method] ? 'yes' : 'MISSED';
      const what = `${method}, ${ours.sessions.toLocaleString('en-US')} sessions, ${ours.processes} of the application`;
      return [[what, times(FLOORS[method]), times(ratio), verdict]];
    });
  return {
    title: `Requests per second: ${OURS} ÷ ${PEER}`,
    header: ['', 'floor', 'now', 'reached'],
    rows,
  };
}

function isSame(who: Omit<ClusterFigures, 'contestant'>, other: ClusterFigures): boolean {
  return who.method === other.method && who.sessions === other.sessions && who.processes === other.processes;
}

function figuresTable(method: Method, connections: number, figures: readonly ClusterFigures[]): Table {
  return {
    title: `${method}, ${connections} connections`,
    header: [
      'contestant',
      'sessions',
      'processes',
      'requests/s',
      'p50 ms',
      'p99 ms',
      'application CPU µs',
      'primaries CPU µs',
      'replicas CPU µs',
      'PostgreSQL CPU µs',
    ],
    rows: figures
      .filter((one) => one.method === method)
      .map(({ contestant, sessions, processes, spread }) => [
        contestant,
        sessions.toLocaleString('en-US'),
        String(processes),
        withSpread(spread.perSecond),
        withSpread(spread.p50),
        withSpread(spread.p99),
        ...[spread.application, spread.primaries, spread.replicas, spread.postgres].map(({ median }) => figure(median)),
      ]),
  };
}

function page(results: ClusterResults): string {
  const { date, machine, versions, rounds, duration, connections } = results;
  return [
    '# Performance on Redis Cluster',
    'Written by `npm run bench:cluster`: every figure on this page comes from that run. What they mean for a system of many machines: [scaling](scaling.md).',
    '## How it was measured',
    [
      `${date.slice(0, 16).replace('T', ' ')} UTC, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}.`,
      `Node ${machine.node}, Redis ${versions.redis}, PostgreSQL ${versions.postgres}, ${versions.wrk}.`,
      `${rounds} rounds in turns, ${duration} s each; medians (min–max). ${connections} connections in all, shared among the processes of the application.`,
      'The cluster has three primaries, each with a replica, and takes snapshots now and then: what it has acknowledged can be lost. PostgreSQL writes to disk for every commit.',
      `Sessions of ${SESSION_BYTES} bytes of JSON; every request renews the expiry (express-session: rolling). Each answer under load was a success, and the counters in the store add up to the requests that were answered.`,
      `Six nodes of Redis, PostgreSQL, the application and the load share the same ${machine.cores} cores: requests per second compare the contestants with each other, CPU times a request are what to calculate with.`,
    ]
      .map((line) => `- ${line}`)
      .join('\n'),
    '## Results',
    ...clusterTables(results).map(asMarkdown),
    '## Do it again',
    `\`\`\`sh\n${HOW_TO_INSTALL}   # what npm does not bring\nnpm run bench:cluster -- --docs\n\`\`\``,
  ].join('\n\n');
}
