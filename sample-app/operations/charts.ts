import type { Figures } from './figures.js';

/** A chart of one figure, or of some that belong together. */
export interface Chart {
  readonly title: string;
  readonly lines: readonly ChartLine[];
}

interface ChartLine {
  readonly figure: keyof Figures;
  /** In the table, where it stands alone. */
  readonly name: string;
  /** Below the title of the chart. */
  readonly label: string;
}

export const CHARTS: readonly Chart[] = [
  {
    title: 'Live sessions',
    lines: [{ figure: 'live', name: 'Live sessions', label: 'of all processes' }],
  },
  {
    title: 'Requests per second',
    lines: [{ figure: 'requests', name: 'Requests per second, with a session', label: 'with a session' }],
  },
  {
    title: 'Statements per request',
    lines: [{ figure: 'statements', name: 'Statements per request', label: 'sent to the database' }],
  },
  {
    title: 'Batch sizes',
    lines: [
      { figure: 'lookupBatch', name: 'Look-ups in a statement', label: 'look-ups in a statement' },
      { figure: 'commitBatch', name: 'Commits in a statement', label: 'commits in a statement' },
    ],
  },
  {
    title: 'Store latency',
    lines: [
      { figure: 'lookupTime', name: 'Mean time of a look-up, ms', label: 'look-up, ms' },
      { figure: 'commitTime', name: 'Mean time of a commit, ms', label: 'commit, ms' },
    ],
  },
  {
    title: 'Conflicts',
    lines: [{ figure: 'conflicts', name: 'Conflicts (refused changes)', label: 'refused changes' }],
  },
];
