import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, SessionArgumentError, SessionModule } from 'nestjs-mikro-session';
import { instrumentSessions } from 'nestjs-mikro-session/opentelemetry';
import { startApp, type TestApp } from '../../support/app.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { type Metrics, startMetrics, valueOf } from '../../support/metrics.js';
import { tryVisit, visit } from '../../support/probe.js';
import { statements } from '../../support/statements.js';

/** The names of the metrics on the page about them. */
function documented(): string[] {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  return Array.from(page.matchAll(/^\| `((?:mikro_session|db)\.[\w.]+)`/gm), ([, name]) => name as string);
}

/** A name as Prometheus has it, without the units and endings that its exporter adds. */
const inPrometheus = (name: string): string => name.replaceAll('.', '_');

describe('instrumentSessions()', () => {
  let database: TestDatabase;
  let metrics: Metrics;
  let app: TestApp;
  beforeAll(async () => {
    database = await createDatabase();
    metrics = await startMetrics();
    app = await startApp(database, {
      options: { cache: true, rotationGrace: '1h', renewal: { flushEvery: '10m' }, adopt: { secret: 'an old secret' } },
      prepare: (created) => {
        instrumentSessions(created, {
          meterProvider: metrics.provider,
          countEvery: '1h',
          attributes: { shop: 'books' },
        });
      },
    });
  });
  afterAll(async () => {
    await app.close();
    await metrics.close();
    await database.drop();
  });

  it('has Prometheus scrape what SessionService.stats() says', async () => {
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    await visit(client, (session) => session.set('n', 2));
    await visit(client, (session) => session.login('ada'));
    await visit(client, () => {});
    await visit(app.client(), () => {}, { cookie: 'session_id=nonsense' });
    await tryVisit(client, async (session) => {
      await app.sessions.revoke(session.id);
      session.set('n', 3);
    });
    const samples = await metrics.scrape();
    const stats = app.sessions.stats();
    const outcome = (name: string, outcomes: string) =>
      valueOf(samples, `mikro_session_${name}_total`, {
        [`mikro_session_${outcomes.split('=')[0]}`]: outcomes.split('=')[1] ?? '',
      });
    expect(outcome('tokens', 'token_outcome=accepted')).toBe(4);
    expect(outcome('tokens', 'token_outcome=malformed')).toBe(1);
    expect(outcome('tokens', 'token_outcome=wrong_secret')).toBe(0);
    expect(outcome('lookups', 'lookup_outcome=found')).toBe(stats.lookups.found);
    expect(outcome('events', 'event=created')).toBe(1);
    expect(outcome('events', 'event=login')).toBe(1);
    expect(outcome('commits', 'commit_outcome=written')).toBe(1);
    expect(outcome('commits', 'commit_outcome=conflict')).toBe(1);
    expect(outcome('cache_lookups', 'cache_result=miss')).toBe(stats.cache?.misses);
    expect(valueOf(samples, 'mikro_session_renewal_requested_total')).toBe(stats.renewals.requested);
    expect(valueOf(samples, 'mikro_session_queue_waiting', { mikro_session_queue: 'renew' })).toBe(
      stats.renewals.waiting,
    );
    expect(valueOf(samples, 'mikro_session_renewal_oldest')).toBeGreaterThan(0);
    expect(valueOf(samples, 'mikro_session_renewal_oldest')).toBeLessThan(60);
    expect(valueOf(samples, 'mikro_session_cache_limit')).toBe(4096);
  });

  it('records histograms as the values come, in seconds', async () => {
    await Promise.all(Array.from({ length: 20 }, () => visit(app.client(), (session) => session.set('n', 1))));
    const samples = await metrics.scrape();
    const { queues, statements: sent } = app.sessions.stats();
    const create = { mikro_session_queue: 'create' };
    expect(valueOf(samples, 'mikro_session_queue_batch_size_sum', create)).toBe(queues?.create.batchSize.sum);
    expect(valueOf(samples, 'mikro_session_queue_batch_size_count', create)).toBe(queues?.create.batchSize.count);
    expect(valueOf(samples, 'mikro_session_queue_batch_size_bucket', { ...create, le: '1' })).toBe(
      queues?.create.batchSize.counts[0],
    );
    const waited = (queues?.create.waitTime.sum ?? NaN) / 1_000;
    expect(valueOf(samples, 'mikro_session_queue_wait_time_sum', create)).toBeCloseTo(waited, 9);
    const insert = {
      mikro_session_statement: 'create',
      db_query_summary: 'INSERT sessions',
      db_system_name: 'postgresql',
    };
    const duration = 'db_client_operation_duration';
    expect(valueOf(samples, `${duration}_count`, insert)).toBe(sent?.create.duration.count);
    expect(valueOf(samples, `${duration}_sum`, insert)).toBeCloseTo((sent?.create.duration.sum ?? NaN) / 1_000, 9);
  });

  it('says by its SQLSTATE what a statement failed of', async () => {
    await database.query(
      `create function no() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = 'ZZ123'; end $$`,
    );
    await database.query('create trigger no before delete on sessions for each row execute function no()');
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    await tryVisit(client, (session) => session.destroy());
    await database.query('drop trigger no on sessions');
    const failed = { mikro_session_statement: 'delete', error_type: 'ZZ123' };
    expect(valueOf(await metrics.scrape(), 'db_client_operation_duration_count', failed)).toBeGreaterThan(0);
  });

  it('gives all metrics the attributes that it was told', async () => {
    const samples = (await metrics.scrape()).filter(({ name }) => name !== 'target_info');
    expect(samples.length).toBeGreaterThan(100);
    expect(samples.filter(({ labels }) => labels['shop'] !== 'books')).toEqual([]);
  });

  it('says nothing of who the visitors are', async () => {
    const client = app.client();
    await visit(client, (session) => session.login('a-name-of-somebody'));
    const text = await metrics.text();
    const [id, secret] = (await client.cookie()).slice('session_id='.length).split('.') as [string, string];
    for (const private_ of [id, secret, 'a-name-of-somebody']) expect(text).not.toContain(private_);
  });

  it('counts the live sessions no more often than it was told, and not while it is collected', async () => {
    await metrics.scrape();
    while (valueOf(await metrics.scrape(), 'mikro_session_live') === undefined) await new Promise(setImmediate);
    expect(valueOf(await metrics.scrape(), 'mikro_session_live')).toBeGreaterThanOrEqual(0);
    expect(await statements(app, () => metrics.scrape())).toBe(0);
  });

  it('has every metric in docs/metrics.md, and every one there exists', async () => {
    const text = await metrics.text();
    const names = Array.from(text.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name as string).filter(
      (name) => name !== 'target_info',
    );
    const known = documented();
    expect(known.length).toBeGreaterThan(20);
    const isOf = (name: string, metric: string): boolean => new RegExp(`^${inPrometheus(metric)}(_total)?$`).test(name);
    expect(names.filter((name) => !known.some((metric) => isOf(name, metric)))).toEqual([]);
    expect(known.filter((metric) => !names.some((name) => isOf(name, metric)))).toEqual([]);
  });
});

describe('instrumentSessions() for a while', () => {
  it('follows nothing once it is ended, and a second call takes the place of the first', async () => {
    const [first, second] = [await startMetrics(), await startMetrics()];
    const database = await createDatabase();
    const app = await startApp(database);
    /** By a counter, and by a histogram. */
    const created = async (metrics: Metrics): Promise<(number | undefined)[]> => {
      const samples = await metrics.scrape();
      return [
        valueOf(samples, 'mikro_session_events_total', { mikro_session_event: 'created' }),
        valueOf(samples, 'mikro_session_queue_batch_size_sum', { mikro_session_queue: 'create' }),
      ];
    };
    const endFirst = instrumentSessions(app.app, { meterProvider: first.provider });
    await app.sessions.create({ data: { n: 1 } });
    expect(await created(first)).toEqual([1, 1]);
    const endSecond = instrumentSessions(app.app, { meterProvider: second.provider });
    // It has been ended by that, and to end it again concerns no other.
    endFirst();
    await app.sessions.create({ data: { n: 1 } });
    expect(await created(first)).toEqual([1, 1]);
    expect(await created(second)).toEqual([2, 1]);
    endSecond();
    await app.sessions.create({ data: { n: 1 } });
    expect(await created(second)).toEqual([2, 1]);
    await app.close();
    await Promise.all([first.close(), second.close(), database.drop()]);
  });

  it('leaves out what a store does not have', async () => {
    const metrics = await startMetrics();
    const app = await startApp(null, { session: SessionModule.forRoot({ store: MemorySessionStore }) });
    instrumentSessions(app.app, { meterProvider: metrics.provider });
    await visit(app.client(), (session) => session.set('n', 1));
    const samples = await metrics.scrape();
    expect(valueOf(samples, 'mikro_session_events_total', { mikro_session_event: 'created' })).toBe(1);
    expect(samples.filter(({ name }) => /queue|cache|feed|db_client|live/.test(name))).toEqual([]);
    await app.close();
    await metrics.close();
  });

  it('refuses a "countEvery" that is no duration', async () => {
    const app = await startApp(null, { session: SessionModule.forRoot({ store: MemorySessionStore }) });
    expect(() => instrumentSessions(app.app, { countEvery: 'soon' as '1s' })).toThrow(SessionArgumentError);
    await app.close();
  });
});
