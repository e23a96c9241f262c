import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { NextFunction, Request, Response } from 'express';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { instrumentSessions } from 'nestjs-mikro-session/opentelemetry';
import { startApp, type TestApp } from '../../support/app.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { tryVisit, visit } from '../../support/probe.js';
import { startTraces, type Traces } from '../../support/traces.js';

describe('Spans', () => {
  let database: TestDatabase;
  let traces: Traces;
  let app: TestApp;
  /** Whether requests are traced, as by an instrumentation of HTTP. */
  let areTraced = true;
  beforeAll(async () => {
    database = await createDatabase();
    traces = startTraces();
    app = await startApp(database, {
      options: { renewal: { flushEvery: '10m' } },
      prepare: (created) => {
        created.use((_request: Request, response: Response, next: NextFunction) => {
          if (!areTraced) return next();
          traces.tracer.startActiveSpan('request', (span: Span) => {
            response.on('finish', () => span.end());
            next();
          });
        });
        instrumentSessions(created, { tracerProvider: traces.provider });
      },
    });
  });
  afterAll(async () => {
    await app.close();
    await traces.close();
    await database.drop();
  });
  beforeEach(() => {
    areTraced = true;
    traces.taken();
  });

  /** Each span with the name of its parent. */
  function lines(spans: readonly ReadableSpan[]): string[] {
    const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
    return spans
      .map(({ name, parentSpanContext }) => {
        const parent = parentSpanContext === undefined ? 'nothing' : (names.get(parentSpanContext.spanId) ?? 'another');
        return `${name} in ${parent}`;
      })
      .toSorted();
  }

  async function spansOf(work: () => Promise<unknown>): Promise<ReadableSpan[]> {
    await work();
    const spans = traces.taken();
    while (spans.every(({ name }) => name !== 'request')) {
      await new Promise(setImmediate);
      spans.push(...traces.taken());
    }
    return spans;
  }

  it('show what a request does with its session, and the statements of that', async () => {
    const client = app.client();
    expect(lines(await spansOf(() => visit(client, (session) => session.set('n', 1))))).toEqual([
      'INSERT sessions in session create',
      'request in nothing',
      'session create in request',
    ]);
    expect(lines(await spansOf(() => visit(client, (session) => session.set('n', 2))))).toEqual([
      'SELECT sessions in session load',
      'UPDATE sessions in session save',
      'request in nothing',
      'session load in request',
      'session save in request',
    ]);
    expect(lines(await spansOf(() => visit(client, (session) => session.login('ada'))))).toEqual([
      'SELECT sessions in session load',
      'UPDATE sessions in session login',
      'request in nothing',
      'session load in request',
      'session login in request',
    ]);
  });

  it('show the look-up behind several cookies as one, which reads no data but that of the session', async () => {
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    const [name] = (await client.cookie()).split('=');
    const dead = await app.sessions.create({ data: { n: 1 } });
    await app.sessions.revoke(dead.session.id);
    const cookie = `${name}=${dead.credential}; ${await client.cookie()}`;
    traces.taken();
    const spans = await spansOf(() => tryVisit(app.client(), () => {}, { cookie }));
    expect(lines(spans)).toEqual([
      'SELECT sessions in session load',
      'SELECT sessions in session load',
      'request in nothing',
      'session load in request',
    ]);
  });

  it('of a statement that several look-ups share have a link to each, and no parent', async () => {
    const { session } = await app.sessions.create({ data: { n: 1 } });
    traces.taken();
    await traces.tracer.startActiveSpan('job', async (job) => {
      // In one turn of the event loop, and so in one statement.
      await Promise.all(Array.from({ length: 20 }, () => app.sessions.find(session.id)));
      job.end();
    });
    const spans = traces.taken();
    const loads = spans.filter(({ name }) => name === 'session load');
    expect(loads).toHaveLength(20);
    const [statement, ...others] = spans.filter(({ name }) => name === 'SELECT sessions');
    expect(others).toEqual([]);
    expect(statement?.parentSpanContext).toBeUndefined();
    const linked = statement?.links.map((link) => link.context.spanId) ?? [];
    expect(linked.toSorted()).toEqual(loads.map((span) => span.spanContext().spanId).toSorted());
  });

  it('of statements follow the semantic conventions, and hold no value', async () => {
    const client = app.client();
    const spans = await spansOf(() => visit(client, (session) => session.set('secret', 'a-stored-value')));
    const statement = spans.find(({ name }) => name === 'INSERT sessions');
    expect(statement?.kind).toBe(SpanKind.CLIENT);
    expect(statement?.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.collection.name': 'sessions',
      'db.operation.name': 'INSERT',
      'db.query.summary': 'INSERT sessions',
      'mikro_session.statement': 'create',
    });
    const text = JSON.stringify(
      spans.map(({ name, attributes, status, events }) => ({ name, attributes, status, events })),
    );
    const [id, secret] = (await client.cookie()).slice('session_id='.length).split('.') as [string, string];
    for (const hidden of [id, secret, 'a-stored-value']) expect(text).not.toContain(hidden);
  });

  it('say what came of it: a session that is gone, one that is absent', async () => {
    const client = app.client();
    await spansOf(() => visit(client, (session) => session.set('n', 1)));
    const gone = await spansOf(() =>
      tryVisit(client, async (session) => {
        await app.sessions.revoke(session.id);
        session.set('n', 2);
      }),
    );
    const outcomes = (spans: readonly ReadableSpan[]) =>
      spans
        .filter(({ name }) => name.startsWith('session '))
        .map(({ name, attributes }) => `${name}: ${String(attributes['mikro_session.outcome'])}`);
    expect(outcomes(gone)).toEqual(['session load: found', 'session save: gone']);
    expect(outcomes(await spansOf(() => visit(client, () => {})))).toEqual(['session load: absent']);
  });

  it('say by its SQLSTATE what a statement failed of', async () => {
    const refuse = `create function no() returns trigger language plpgsql as $$ begin raise exception 'of a-stored-value' using errcode = 'ZZ123'; end $$`;
    await database.query(refuse);
    await database.query('create trigger no before insert on sessions for each row execute function no()');
    const spans = await spansOf(() => tryVisit(app.client(), (session) => session.set('n', 1)));
    await database.query('drop trigger no on sessions');
    for (const title of ['INSERT sessions', 'session create']) {
      const failed = spans.find(({ name }) => name === title);
      expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
      expect(failed?.status.message).toContain('The session store could not create a session.');
      expect(failed?.attributes['error.type']).toBe('ZZ123');
    }
    expect(JSON.stringify(spans.map(({ status, events }) => [status, events]))).not.toContain('a-stored-value');
  });

  it('of renewals belong to no request', async () => {
    const client = app.client();
    await spansOf(() => visit(client, (session) => session.set('n', 1)));
    await spansOf(() => visit(client, () => {}));
    await traces.tracer.startActiveSpan('job', async (job) => {
      await app.sessions.flush();
      job.end();
    });
    const renewal = traces.taken().find(({ attributes }) => attributes['mikro_session.statement'] === 'renew');
    expect(renewal).toMatchObject({ name: 'UPDATE sessions', links: [] });
    expect(renewal?.parentSpanContext).toBeUndefined();
  });

  it('are those of statements alone where the request is not traced', async () => {
    areTraced = false;
    await visit(app.client(), (session) => session.set('n', 1));
    expect(lines(traces.taken())).toEqual(['INSERT sessions in nothing']);
  });

  it('are none once the instrumentation has ended, or with "spans: false"', async () => {
    const end = instrumentSessions(app.app, { tracerProvider: traces.provider });
    end();
    expect(lines(await spansOf(() => visit(app.client(), (session) => session.set('n', 1))))).toEqual([
      'request in nothing',
    ]);
    instrumentSessions(app.app, { tracerProvider: traces.provider, spans: false });
    expect(lines(await spansOf(() => visit(app.client(), (session) => session.set('n', 1))))).toEqual([
      'request in nothing',
    ]);
    instrumentSessions(app.app, { tracerProvider: traces.provider });
  });
});
