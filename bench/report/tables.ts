import { SHARE_OF_OURS } from '../measure/fixed-rate.js';
import type { Spread } from '../measure/statistics.js';
import type { Figures, MemoryUse, OpenFigures, Results } from '../results.js';
import { bareFor, type Event, eventsOf, oursFor } from './comparison.js';
import { figure, percent, times, withSpread } from './format.js';
import type { Table } from './table.js';

/** Everything that was measured, as tables. */
export function tablesOf(results: Results): Table[] {
  const others = [onceTable(results), startTable(results), memoryTable(results)];
  return [...closedLoopTables(results), ...openLoopTables(results), ...others.filter((table) => table !== null)];
}

export function closedLoopTables(results: Pick<Results, 'closedLoop'>): Table[] {
  return eventsOf(results).flatMap((event) => [throughputTable(event), costTable(event)]);
}

/** What each session does once; `null` where it was not measured. */
export function onceTable({ once }: Pick<Results, 'once'>): Table | null {
  if (once.length === 0) return null;
  const acts = [...new Set(once.map(({ act }) => act))];
  return {
    title: 'First writes and logins',
    header: ['contestant', 'requests/s', 'ours ÷ this', 'server CPU µs', 'PostgreSQL CPU µs'],
    rows: acts.flatMap((act) => {
      const figures = once.filter((one) => one.act === act);
      return figures.map((one) => {
        const ours = oursFor(one, figures);
        return [
          `${act}: ${one.contestant}`,
          withSpread(one.perSecond),
          times(ours && ours.perSecond.median / one.perSecond.median),
          figure(one.serverCpu?.median),
          figure(one.postgresCpu?.median),
        ];
      });
    }),
  };
}

export function startTable({ start }: Pick<Results, 'start'>): Table | null {
  if (start === null) return null;
  const { ratio, starts } = start;
  return {
    title: `From the fork of a process until it listens, ${starts} starts each`,
    header: ['application', 'ms'],
    rows: [
      ['without the module', withSpread(start.without)],
      ['with the module', withSpread(start.with)],
      ['with ÷ without', `${times(ratio.median)} (${figure(ratio.min)}–${figure(ratio.max)})`],
    ],
  };
}

export function memoryTable({ memory }: Pick<Results, 'memory'>): Table | null {
  if (memory === null) return null;
  const { sessions, fewSessions, requests, many, few } = memory;
  const megabytes = ({ median, min, max }: Spread): string =>
    withSpread({ median: median / 2 ** 20, min: min / 2 ** 20, max: max / 2 ** 20 });
  const more = (which: keyof MemoryUse): string => figure((many[which].median - few[which].median) / 2 ** 20);
  return {
    title: `Memory after ${requests.toLocaleString('en-US')} requests, and a garbage collection`,
    header: ['sessions in use', 'RSS MB', 'heap MB'],
    rows: [
      [fewSessions.toLocaleString('en-US'), megabytes(few.rss), megabytes(few.heap)],
      [sessions.toLocaleString('en-US'), megabytes(many.rss), megabytes(many.heap)],
      ['difference of the medians', more('rss'), more('heap')],
    ],
  };
}

/** Requests per second of every contestant: the medians, and nothing else. */
export function summaryOf(results: Results): Table {
  const events = eventsOf(results);
  const names = [...new Set(events.flatMap(({ figures }) => figures.map(({ contestant }) => contestant)))];
  const perSecond = (name: string, { figures }: Event): string =>
    figure(figures.find(({ contestant }) => contestant === name)?.spread.perSecond.median);
  return {
    title: 'Requests per second',
    header: ['contestant', ...events.map(({ method, connections }) => `${method}, ${connections} connections`)],
    rows: names.map((name) => [name, ...events.map((event) => perSecond(name, event))]),
  };
}

function throughputTable({ method, connections, figures }: Event): Table {
  return {
    title: `${method}, ${connections} connections: throughput and latency`,
    header: ['contestant', 'requests/s', 'of bare', 'ours ÷ this', 'p50 ms', 'p99 ms'],
    rows: figures.map((one) => [
      one.contestant,
      withSpread(one.spread.perSecond),
      percent(ratio(one, bareFor(one, figures))),
      times(ratio(oursFor(one, figures), one)),
      withSpread(one.spread.p50),
      withSpread(one.spread.p99),
    ]),
  };
}

function costTable({ method, connections, figures }: Event): Table {
  return {
    title: `${method}, ${connections} connections: what a request costs`,
    header: [
      'contestant',
      'SQL statements',
      'WAL bytes',
      'HOT updates',
      'PostgreSQL CPU µs',
      'Redis commands',
      'server CPU µs',
    ],
    rows: figures.map(({ contestant, spread }) => [
      contestant,
      figure(spread.statements.median),
      figure(spread.walBytes.median),
      percent(spread.hotShare?.median),
      figure(spread.postgresCpu?.median),
      figure(spread.redisCommands?.median),
      figure(spread.serverCpu?.median),
    ]),
  };
}

export function openLoopTables({ openLoop }: Pick<Results, 'openLoop'>): Table[] {
  return (['GET', 'POST'] as const).flatMap((method) => {
    const figures = openLoop.filter((one) => one.method === method);
    if (figures.length === 0) return [];
    return [
      {
        title: `${method} at a fixed rate, ${percent(SHARE_OF_OURS)} of what ${figures[0]?.rateOf} can take`,
        header: [
          'contestant',
          'offered/s',
          'answered/s',
          'p50 ms',
          'p99 ms',
          'p50 over bare',
          'p99 over bare',
          'p99 ÷ bare',
        ],
        rows: figures.map((one) => [
          one.contestant,
          figure(one.rate),
          one.holds ? figure(one.perSecond.median) : `${figure(one.perSecond.median)}, falls behind`,
          withSpread(one.p50),
          withSpread(one.p99),
          one.holds ? figure(one.addedP50) : 'grows',
          one.holds ? figure(one.addedP99) : 'grows',
          one.holds ? times(tailOverBare(one, figures)) : 'grows',
        ]),
      },
    ];
  });
}

function tailOverBare(one: OpenFigures, figures: readonly OpenFigures[]): number | null {
  const bare = bareFor(one, figures);
  return bare?.holds ? one.p99.median / bare.p99.median : null;
}

function ratio(one: Figures | undefined, other: Figures | undefined): number | null {
  return one && other ? one.spread.perSecond.median / other.spread.perSecond.median : null;
}
