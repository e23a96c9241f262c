import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DefaultTheme } from 'vitepress';
import { titleOf } from './build/pages.mjs';

const PAGES: Record<string, Record<string, string>> = {
  Start: {
    start: 'Quick start',
    comparison: 'Compared with others',
    'migrating-from-express-session': 'From express-session',
  },
  Concepts: {
    guarantees: 'Guarantees',
    guards: 'Guards and roles',
    lifetimes: 'Lifetimes, remember me',
    devices: 'Devices and revocation',
    cookies: 'Cookies and headers',
  },
  'By task': {
    service: 'The service',
    table: 'The table',
    testing: 'Testing',
    'testing-with-jest': 'Testing with Jest',
    'testing-with-vitest': 'Testing with Vitest',
    passport: 'Passport and others',
    'websockets-and-graphql': 'WebSockets, GraphQL',
    recipes: 'Recipes',
  },
  Operations: {
    operations: 'Operations',
    'command-line': 'The command line',
    metrics: 'Metrics',
    scaling: 'Scaling',
    redis: 'Redis and Valkey',
    serverless: 'Serverless',
    security: 'Security',
    'security-clauses': 'Security, clause by clause',
    reliability: 'Reliability',
    performance: 'Performance',
    'performance-cluster': 'Performance on Redis',
    'performance-2026-11-20': 'Figures of 20 November',
  },
  Reference: {
    options: 'Options',
    errors: 'Errors',
    'reference/index': 'API',
    'reference/store': 'API: store',
    'reference/redis': 'API: redis',
    'reference/testing': 'API: testing',
    'reference/opentelemetry': 'API: opentelemetry',
    'reference/express': 'API: express',
  },
  'How it is built': {
    architecture: 'Architecture',
    matrix: 'The matrix',
    'decisions/index': 'Decisions',
    contributing: 'Contributing',
    changes: 'Changes',
    reporting: 'Reporting a vulnerability',
    contents: 'All pages',
  },
};

/** The pages by subject, and the decisions by number. A page that is in none of the groups fails the build. */
export function sidebar(pages: string): DefaultTheme.SidebarItem[] {
  const listed = Object.values(PAGES).flatMap((group) => Object.keys(group));
  const found = readdirSync(pages, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('public/'))
    .map((name) => name.replace(/\.md$/, ''));
  const decisions = found.filter((name) => /^decisions\/\d/.test(name)).sort();
  const missing = found.filter((name) => name !== 'index' && !listed.includes(name) && !decisions.includes(name));
  if (missing.length > 0) throw new Error(`Not in docs/.vitepress/sidebar.ts: ${missing.join(', ')}`);
  const absent = listed.filter((name) => !found.includes(name));
  if (absent.length > 0) throw new Error(`In docs/.vitepress/sidebar.ts, and no pages: ${absent.join(', ')}`);
  const groups = Object.entries(PAGES).map(([text, group]) => ({
    text,
    items: Object.entries(group).map(([page, title]) => ({ text: title, link: `/${page.replace(/index$/, '')}` })),
  }));
  const items = decisions.map((page) => ({ text: titleOf(join(pages, `${page}.md`)), link: `/${page}` }));
  return [...groups, { text: 'Decisions', collapsed: true, items }];
}
