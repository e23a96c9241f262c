import { HOW_TO_INSTALL } from '../environment/programs.js';
import { HOPELESS, SHARE_OF_OURS } from '../measure/fixed-rate.js';
import { ONCE_CONNECTIONS } from '../measure/once-load.js';
import { ONCE_WARM_UP } from '../measure/once-rounds.js';
import type { Results } from '../results.js';
import type { ScaleResults } from '../scale-results.js';
import { figure, percent } from './format.js';
import { lossesOf } from './losses.js';
import { scaleTables } from './scale-tables.js';
import { setupOf } from './setup.js';
import { asMarkdown, type Table } from './table.js';
import { closedLoopTables, memoryTable, onceTable, openLoopTables, startTable, summaryOf } from './tables.js';

/**
 * `docs/performance.md` after a run, as Markdown.
 *
 * @param before the page as it is: what it says of a run at scale stays, where that run's results are not here
 */
export function pageOf(results: Results, scale: ScaleResults | null, before: string): string {
  return [
    '# Performance',
    'Written by `npm run bench`: every figure and every sentence about a figure on this page comes from that run.',
    '![Requests per second of every contestant](performance.svg)',
    '## Results',
    asMarkdown(summaryOf(results)),
    'Medians; latencies, costs and spreads are [below](#closed-loop). “Ours” is this library; “bare” is Nest without sessions. A dash stands for what was not measured.',
    '## Where we lose',
    losses(lossesOf(results)),
    '## How it was measured',
    setupOf(results)
      .map((line) => `- ${line}`)
      .join('\n'),
    'All contestants are Nest applications with the same two handlers: `GET /read` reads three values of the session, `POST /count` increments a number in it. ' +
      'Each was checked before it was measured: the answers, and that the count is in the store after a restart. Every answer under load was a success, and the counters in ' +
      'the store add up to the requests that were answered (where SQL or Redis can read them).',
    '“Of bare” is the share of the requests per second that the same handlers reach without a session; “ours ÷ this” how many times as fast as that row ours is on the same framework. “Bare + an empty interceptor” is what Nest itself takes for a route’s first interceptor, which ours is by default ([decision 7](decisions/0007-doing-without-the-interceptor.md)).',
    '## Closed loop',
    'Every connection sends its next request when it has the answer to the last one. That flatters a server that batches, because slow answers slow the load down; hence the open loop below.',
    ...closedLoopTables(results).map(asMarkdown),
    ...section(
      'Open loop',
      'Requests come at random moments at a fixed rate, whether the others have been answered or not; latency counts from the moment a request was due. All connections are open beforehand. ' +
        `The rate is ${percent(SHARE_OF_OURS)} of what the slower of ours with default options answered in the closed loop; the titles say which one it was. ` +
        'A server that cannot keep up with the rate has no latency worth naming: it grows as long as the load goes on. ' +
        `One that answers less than ${percent(HOPELESS)} of the requests in a round has no further round.`,
      openLoopTables(results),
    ),
    ...section(
      'Once in a session’s life',
      `Requests that a session makes once, each sent once from ${ONCE_CONNECTIONS} connections, after ${figure(ONCE_WARM_UP)} of the same kind that warm the server up: ` +
        'the first write of a visitor without a cookie (`POST /seed` fills the session), and the login of a session that has data (`POST /login`). ' +
        'A login changes the credential and keeps the data: `session.login()` here; for express-session, `regenerate()`, the user’s id and what there was, and `save()`. ' +
        'Each answer had to set a cookie that there was not before, and the store had to hold as many sessions, and as many of users, as were answered.',
      [onceTable(results)],
    ),
    ...section(
      'Start',
      'An application of Nest, MikroORM and PostgreSQL that counts the rows of a table before it listens, with and without `SessionModule.forRoot({ ensureSchema: true })`, whose table is there; ' +
        'started in turns. The ratio is that of the medians, with the extremes of the pairs in brackets.',
      [startTable(results)],
    ),
    ...section('Memory', memoryText(results), [memoryTable(results)]),
    ...(scale === null ? scaleSectionOf(before) : scaleSection(scale)),
    ...missing(results),
    '## Do it again',
    `\`\`\`sh\n${HOW_TO_INSTALL}   # what npm does not bring\nnpm run bench                                     # everything\nnpm run bench -- --quick                          # the essential comparison, in under three minutes\nnpm run bench -- --parts start,memory             # some of what it measures\nnpm run bench:scale -- --full                     # up to ten million sessions\nnpm run bench:compare -- --with main~1            # this version and another one, in turns\nnpm run bench:profile -- --connections 4          # where the time goes\n\`\`\``,
  ].join('\n\n');
}

function losses(sentences: readonly string[]): string {
  if (sentences.length === 0) return 'Nowhere in this run: ours was ahead of every peer in every figure compared here.';
  return `Compared with every peer on the same framework, ours was behind in this run here:\n\n${sentences
    .map((sentence) => `- ${sentence}`)
    .join('\n')}`;
}

function scaleSection(scale: ScaleResults): string[] {
  const { date, postgres, sharedBuffers, rounds } = scale;
  return [
    '## Scale',
    `Written by \`npm run bench:scale\` on ${date.slice(0, 10)}, with PostgreSQL ${postgres} and shared_buffers = ${sharedBuffers}; medians of ${rounds} rounds.`,
    ...scaleTables(scale).map(asMarkdown),
  ];
}

/** What a page says of it; nothing where it says nothing. */
function scaleSectionOf(page: string): string[] {
  const section = /^## Scale\n.*?(?=^## )/ms.exec(page)?.[0];
  return section === undefined ? [] : [section.trimEnd()];
}

function missing({ missing: list }: Results): string[] {
  if (list.length === 0) return [];
  return ['## What is missing', list.map(({ name, reason }) => `- ${name}: ${reason.split('\n', 1)[0]}`).join('\n')];
}

/** Nothing, where nothing of it was measured. */
function section(title: string, text: string, tables: readonly (Table | null)[]): string[] {
  const shown = tables.filter((table) => table !== null);
  return shown.length === 0 ? [] : [`## ${title}`, text, ...shown.map(asMarkdown)];
}

function memoryText({ memory }: Results): string {
  if (memory === null) return '';
  const { sessions, fewSessions, requests } = memory;
  return (
    `A process of ours on Express with ${sessions.toLocaleString('en-US')} sessions, beside another one with ${fewSessions} that has answered as many requests. ` +
    `Each of the many was read ${requests / sessions} times, soon after one another, so that the process takes it for one that is worth keeping.`
  );
}
