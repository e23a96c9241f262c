import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { Logger } from '@nestjs/common';
import { type Session, SessionEntity, type SessionModuleOptions } from 'nestjs-mikro-session';
import { instrumentSessions } from 'nestjs-mikro-session/opentelemetry';
import { issueCredential } from '../../lib/session/token.js';
import { type AppFixture, startApp, useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { watch } from '../support/leak-watch.js';
import { type Metrics, startMetrics } from '../support/metrics.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';
import { startTraces, type Traces } from '../support/traces.js';

const secretIn = (cookie: string): string => cookie.slice(-43);
const places = (): string[] => [...watch.taken().keys()].toSorted();

const bytesOf = (secret: string): Buffer => Buffer.from(secret, 'base64url');
const loggerOf = (fixture: AppFixture) => fixture.app.app.get(MikroORM).config.getLogger();

/** By the group commit, whose statements are of this library's own kind. */
async function savedBy(fixture: AppFixture, value: string): Promise<void> {
  const client = await visitor(fixture);
  await visit(client, (session) => session.set('a', value));
  await visit(client, (session) => session.destroy());
}

async function visitor(fixture: AppFixture): Promise<Client> {
  const client = fixture.app.client();
  await visit(client, (session) => session.login('ada'));
  return client;
}

// It looks at every test file that starts an application or makes a database: test/support/leaks.ts.
describe('The watch over all tests finds a secret', () => {
  const fixture = useApp();

  it.each<[where: string, how: string, plant: (secret: string) => unknown]>([
    ['the log', 'as a warning', (secret) => new Logger('SessionModule').warn(`a session with ${secret}`)],
    ['the log', 'beside an error', (secret) => new Logger('Another').error(new Error('a'), { cookie: [secret] })],
    ['the log', 'as bytes', (secret) => new Logger('Another').debug({ bytes: bytesOf(secret) })],
    ['the log', 'in hexadecimal', (secret) => Logger.log(bytesOf(secret).toString('hex').toUpperCase())],
    ['the log', 'in base64', (secret) => new Logger('Another').verbose(bytesOf(secret).toString('base64'))],
    ['the log of MikroORM', 'as a query', (secret) => loggerOf(fixture).log('query', secret, { enabled: true })],
    ['a statement', 'without values', (secret) => fixture.database.query(`select '${secret}'`)],
    ['a statement', 'with values', (secret) => fixture.database.query(`select $1, '${secret}'`, [1])],
    ['a value of a statement', 'as text', (secret) => fixture.database.query('select $1', [secret])],
    ['a value of a statement', 'in a list', (secret) => fixture.database.query('select $1::text[]', [['a', secret]])],
    ['a value of a statement', 'as bytes', (secret) => fixture.database.query('select $1::bytea', [bytesOf(secret)])],
    ['a value of a statement', 'of a find()', (secret) => fixture.app.sessions.listForUser(secret)],
    ['a value of a statement', 'of a save()', (secret) => savedBy(fixture, secret)],
  ])('in %s, %s', async (where, _how, plant) => {
    const secret = secretIn(await (await visitor(fixture)).cookie());
    expect(places()).toEqual([]);
    await plant(secret);
    expect(places()).toContain(where);
  });

  it('in an event, and in a row', async () => {
    const secret = secretIn(await (await visitor(fixture)).cookie());
    const { session } = await fixture.app.sessions.create({ userId: secret });
    await fixture.app.sessions.revoke(session.id, { userId: secret });
    expect(places()).toEqual(['a value of a statement', 'an event']);
    await fixture.database.query('create table others (bytes bytea)');
    await fixture.database.query(`insert into others values (decode('${Buffer.from(secret).toString('hex')}', 'hex'))`);
    expect(places()).toEqual(['a statement']);
    await fixture.database.watch();
    expect(places()).toEqual(['a row']);
    await fixture.database.query('drop table others');
  });

  it('in the figures, once an application ends', async () => {
    const secret = secretIn(await (await visitor(fixture)).cookie());
    const other = await startApp(fixture.database);
    other.sessions.stats = () => ({ secret }) as never;
    await other.close();
    expect(places()).toEqual(['the figures']);
  });

  it('of those that were given out in a response or by create(), on every way out', async () => {
    const before = watch.secrets;
    await visitor(fixture);
    await fixture.app.sessions.create();
    expect(watch.secrets).toBe(before + 2);
    expect([...watch.looked.keys()].toSorted()).toEqual([
      'a row',
      'a statement',
      'a value of a statement',
      'an event',
      'the figures',
      'the log',
      'the log of MikroORM',
    ]);
  });
});

const KEYS = ['7'.repeat(64)];

describe('The watch over all tests finds a value that is encrypted', () => {
  const fixture = useApp({ options: { encryption: { keys: KEYS } } });

  it.each<[stored: string, of: string, store: (session: Session) => unknown]>([
    ['of the data', 'the sweet porridge', (session) => session.set('a', { b: ['the sweet porridge'] })],
    ['of a message', 'a golden goose', (session) => session.flash('info', 'a golden goose')],
    ['of the snapshot', 'the iron stove', (session) => session.login('ada', { name: 'the iron stove' })],
  ])('%s', async (_, value, store) => {
    await visit(fixture.app.client(), store);
    await fixture.database.watch();
    expect(places()).toEqual([]);
    new Logger('Another').warn(`a session with ${value}`);
    await fixture.database.query('select $1::text', [value]);
    await fixture.database.query('create table others as select $1::jsonb as data', [JSON.stringify([value])]);
    await fixture.database.watch();
    await fixture.database.query('drop table others');
    expect(places()).toEqual(['a row', 'a value of a statement', 'the log']);
  });
});

const WORD = 'Rumpelstiltskin';
/** Where values are, as a matter of course, that are not encrypted. */
const STORED = ['a row', 'a value of a statement'];

describe.each<[name: string, options: SessionModuleOptions, expected: readonly string[]]>([
  ['as it is', {}, STORED],
  ['with a cache', { cache: true }, STORED],
  ['with encryption', { encryption: { keys: KEYS } }, []],
  ['with a cache and encryption', { cache: true, encryption: { keys: KEYS } }, []],
])('An application %s', (_name, options, expected) => {
  const fixture = useApp({ options: { maxDataBytes: 2_000, sweep: { every: 50 }, ...options } });
  let metrics: Metrics;
  let traces: Traces;
  let stop = (): void => {};
  beforeAll(async () => {
    metrics = await startMetrics();
    traces = startTraces();
    stop = instrumentSessions(fixture.app.app, { meterProvider: metrics.provider, tracerProvider: traces.provider });
  });
  afterAll(async () => {
    stop();
    await traces.close();
    await metrics.close();
  });

  it('says neither secrets nor stored values', async () => {
    watch.forbid(JSON.stringify(WORD));
    const { app, database } = fixture;
    app.app.useLogger({ log: () => {}, warn: () => {}, error: () => {} });
    const client = app.client();
    const id = await inHandler(client, (session) => session.set('a', WORD).set('b.c', [WORD]).flash('info', WORD).id);
    await visit(client, (session) => {
      session.push('list', WORD);
      session.increment('n');
      session.set('b.d', { [WORD]: 1 });
    });
    await visit(client, (session) => session.update((data) => (data['u'] = WORD)));
    await visit(client, (session) => session.login('ada', { name: WORD, roles: [WORD] }));
    await visit(client, (session) => session.regenerate());
    await visit(client, (session) => [session.toJSON(), session.avatar, session.flashes()].length);
    await app.sessions.update(id, (data) => (data['v'] = WORD));
    await app.sessions.flush();
    // What is refused.
    const guess = issueCredential(id).cookieValue;
    watch.issued(guess);
    await visit(app.client(), (session) => session.set('b', 1), { cookie: `session_id=${guess}` });
    await tryVisit(client, (session) => session.set('big', WORD.repeat(500)).save());
    await tryVisit(client, (session) => void (session.data['map'] = new Map([[WORD, WORD]])));
    await tryVisit(client, (session) => session.set('s', WORD).increment('s'));
    await tryVisit(client, (session) => session.setTtl(WORD));
    await tryVisit(client, (session) => session.login(`${WORD}\0`, { name: WORD }));
    await tryVisit(client, async (session) => {
      await app.sessions.revoke(session.id);
      session.set('a', WORD);
    });
    // What the database refuses, and does not answer.
    const other = app.client();
    const otherId = await inHandler(other, (session) => session.set('a', WORD).id);
    await database.query(`create function refuse() returns trigger language plpgsql as $$ begin
      raise exception 'refused: %', new.data using errcode = '42501', detail = new::text; end $$`);
    await database.query('create trigger refuse before update on sessions for each row execute function refuse()');
    await tryVisit(other, (session) => session.set('a', `${WORD} again`));
    await database.query('drop trigger refuse on sessions');
    await database.query(`alter table sessions add constraint no_z check (not data ? 'z') not valid`);
    await tryVisit(other, (session) => session.set('z', WORD));
    const held = await database.hold('select from sessions where id = $1 for update', [otherId]);
    await tryVisit(other, (session) => session.set('a', `${WORD} once more`));
    await held.release();
    // Subscribers that fail, rows that cannot be read, those of an entity manager, and the sweep.
    const failing = app.sessions.events.subscribe((event) => {
      throw new Error(`no ${event.type}`);
    });
    await visit(other, (session) => session.set('c', WORD));
    failing.unsubscribe();
    await app.app.get(MikroORM).em.fork().find(SessionEntity, { id: otherId });
    expect((await app.sessions.listForUser('ada')).length).toBe(0);
    watch.said('the figures', app.sessions.stats());
    await database.watch();
    await database.query(`update sessions set data = '"{"' where id = $1`, [otherId]);
    await visit(other, (session) => session.keys());
    await database.query(`update sessions set expires_at = now() - interval '1 s'`);
    await app.sessions.purgeExpired();

    const spans = traces.taken();
    for (const { name, attributes, events, status } of spans)
      watch.said('a span', { name, attributes, events, status });
    watch.said('the metrics', await metrics.text());
    expect(spans.length).toBeGreaterThan(30);
    expect(places()).toEqual(expected);
  });
});

describe('A dump of the database', () => {
  const fixture = useApp();

  it('has nothing that works as a cookie', async () => {
    const { app, database } = fixture;
    const client = await visitor(fixture);
    await visit(client, (session) => session.regenerate());
    await visit(client, (session) => session.set('a', 1));
    const ids = (await database.query<{ id: string }>('select id from sessions')).map(({ id }) => id);
    const [row] = await database.query('select s.*, s::text as whole from sessions s');
    const texts = Object.values(row as object).flatMap((value: unknown): string[] => {
      if (Buffer.isBuffer(value))
        return (['base64url', 'base64', 'hex', 'latin1'] as const).map((as) => value.toString(as));
      return value === null ? [] : [typeof value === 'string' ? value : JSON.stringify(value)];
    });
    const cookies = texts.flatMap((text) => [text, ...ids.map((id) => `${id}.${text}`)]);
    expect(cookies.length).toBeGreaterThan(40);
    const before = app.sessions.stats().tokens;
    for (const value of cookies.map((cookie) => cookie.replaceAll(/[^ -~]/g, '?'))) {
      const { json } = await visit(app.client(), (session) => [session.isNew, session.userId], {
        cookie: `session_id=${value}`,
      });
      expect(json).toEqual([true, null]);
    }
    // Two hashes have the form of a secret.
    const { accepted, rejected } = app.sessions.stats().tokens;
    expect([accepted, rejected.wrong_secret]).toEqual([before.accepted, before.rejected.wrong_secret + 2]);
    expect((await visit(client, (session) => session.userId)).text).toBe('ada');
  });
});
