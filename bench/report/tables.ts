import type { Figures, Results } from '../results.js';
import { bareFor, type Event, eventsOf, oursFor } from './comparison.js';
import { figure, percent, times, withSpread } from './format.js';
import type { Table } from './table.js';

/** Everything that was measured, as tables. */
export function tablesOf(results: Results): Table[] {
  const closed = eventsOf(results).flatMap((event) => [throughputTable(event), costTable(event)]);
  return [...closed, ...openLoopTables(results)];
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

function openLoopTables({ openLoop }: Results): Table[] {
  return (['GET', 'POST'] as const).flatMap((method) => {
    const figures = openLoop.filter((one) => one.method === method);
    if (figures.length === 0) return [];
    return [
      {
        title: `${method} at a fixed rate, half of what bare Nest can take`,
        header: ['contestant', 'offered/s', 'answered/s', 'p50 ms', 'p99 ms', 'p50 over bare', 'p99 over bare'],
        rows: figures.map((one) => [
          one.contestant,
          figure(one.rate),
          one.holds ? figure(one.perSecond.median) : `${figure(one.perSecond.median)}, falls behind`,
          withSpread(one.p50),
          withSpread(one.p99),
          one.holds ? figure(one.addedP50) : 'grows',
          one.holds ? figure(one.addedP99) : 'grows',
        ]),
      },
    ];
  });
}

function ratio(one: Figures | undefined, other: Figures | undefined): number | null {
  return one && other ? one.spread.perSecond.median / other.spread.perSecond.median : null;
}
