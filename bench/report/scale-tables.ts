import type { LookupFigures, ScaleResults, SweepFigures } from '../scale-results.js';
import { figure, percent, times, withSpread } from './format.js';
import type { Table } from './table.js';

export function scaleTables({ lookups, sweep }: ScaleResults): Table[] {
  return [lookupTable(lookups), ...(sweep === null ? [] : [sweepTable(sweep)])];
}

function lookupTable(lookups: readonly LookupFigures[]): Table {
  return {
    title: 'Lookups by how many sessions there are',
    header: ['sessions', 'table', 'connections', 'requests/s', 'of the smallest', 'p50 ms', 'p99 ms'],
    rows: lookups.map((one) => {
      const smallest = lookups.find((other) => other.connections === one.connections);
      return [
        one.rows.toLocaleString('en-US'),
        `${figure(one.tableBytes / 2 ** 20)} MiB`,
        String(one.connections),
        withSpread(one.perSecond),
        percent(smallest && one.perSecond.median / smallest.perSecond.median),
        withSpread(one.p50),
        withSpread(one.p99),
      ];
    }),
  };
}

function sweepTable({ expiredRows, liveRows, rate, seconds, purged, without, during, failure }: SweepFigures): Table {
  const end = failure === null ? `all gone in ${figure(seconds?.median)} s` : `it failed: ${failure}`;
  return {
    title:
      `A sweep of ${expiredRows.toLocaleString('en-US')} expired sessions (${end}; ${purged.toLocaleString('en-US')} removed) ` +
      `beside ${figure(rate)} requests/s to ${liveRows.toLocaleString('en-US')} others`,
    header: ['', 'p50 ms', 'p99 ms'],
    rows: [
      ['without the sweep', withSpread(without.p50), withSpread(without.p99)],
      ['during the sweep', withSpread(during.p50), withSpread(during.p99)],
      [
        'during ÷ without',
        times(during.p50.median / without.p50.median),
        times(during.p99.median / without.p99.median),
      ],
    ],
  };
}
