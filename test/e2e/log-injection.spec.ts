import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type LoggerService } from '@nestjs/common';
import {
  Authorize,
  MemorySessionStore,
  OnStoreError,
  Public,
  type Session,
  SessionDataError,
  SessionHealthIndicator,
  SessionModule,
  type SessionModuleOptions,
  SessionStoreUnavailableError,
} from 'nestjs-mikro-session';
import { operatorLog } from '../../lib/nest/operator-log.js';
import { errorType } from '../../lib/opentelemetry/statement-names.js';
import { startApp, useApp } from '../support/app.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';

/** Begins another line, moves the cursor of a terminal, turns what follows, and leaves quotes. Any database can store it. */
const HOSTILE = 'x\r\n[Nest] 7 - LOG [Auth] admin signed in\u001b[2J\u009b1A\u0085\u2028\u2029\u202e\u2066"\\';
/** What no database stores, besides. */
const WORSE = `${HOSTILE}\0\ud800`;
const RAW = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u;
/** More than a message has that shows three names, each cut. */
const LONGEST = 8_000;

/** What must be one line of what is said, each. */
const said: string[] = [];

/** An error with all that it was caused by: what it says, and a stack that has nothing but calls after that. */
function look(error: unknown): void {
  if (!(error instanceof Error)) return void said.push(String(error));
  said.push(error.name, error.message);
  const [, ...frames] = String(error.stack).split('\n');
  for (const frame of frames) {
    expect(frame).toMatch(/^ {4}at /);
    said.push(frame);
  }
  if (error.cause !== undefined) look(error.cause);
  for (const one of (error as AggregateError).errors ?? []) look(one);
}

const write = (message: unknown, ...rest: unknown[]): void => {
  look(message);
  // A stack, and the context.
  for (const part of rest) if (typeof part === 'string') said.push(...part.split('\n'));
};
const logger: LoggerService = { log: write, error: write, warn: write, debug: write, verbose: write, fatal: write };

async function failureOf(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It did not fail.');
}

async function attempt(work: () => unknown): Promise<Error> {
  const error = await failureOf(work);
  look(error);
  return error;
}

/** A class of that name, as another library may make one. */
const named = (name: string): object => new (Object.defineProperty(class {}, 'name', { value: name }))();

/** All that was said since the last call: each a line, and not too long. */
function expectLines(): void {
  const lines = said.splice(0);
  expect(lines.filter((line) => RAW.test(line)).map((line) => JSON.stringify(line.slice(0, 200)))).toEqual([]);
  expect(lines.filter(({ length }) => length > LONGEST)).toEqual([]);
  // Or the test has looked at nothing.
  expect(lines.length).toBeGreaterThan(0);
}

afterEach(expectLines);

describe('A hostile text is shown on one line', () => {
  const fixture = useApp();

  it.each<[door: string, work: (session: Session & Record<string, any>, text: string) => unknown]>([
    ['a reserved key', (session, text) => session.set(`$${text}`, 1)],
    ['a path through something else', (session, text) => session.set('a', 1).set(`a.${text}`, 1)],
    ['the middle of a path', (session, text) => session.set(text, 1).set(`${text}.b`, 1)],
    ['the index of an array', (session, text) => session.set('list', []).set(`list.${text}`, 1)],
    ['a key to be incremented', (session, text) => session.set(text, 'a').increment(text)],
    ['the key of what is added', (session, text) => session.increment(text, Number.NaN)],
    ['a key to be pushed to', (session, text) => session.set(text, 'a').push(text, 1)],
    ['a key in place', (session, text) => ((session.data[text] = new Map()), session.save())],
    ['a key below it', (session, text) => session.set('a', { [text]: [{ [text]: 1n }] }).save()],
    ['a path too deep', (session, text) => session.set(`${text}.`.repeat(500), 1)],
    ['the name of a class', (session, text) => session.set('a', named(text)).save()],
    ['the name of a class for an argument', (session, text) => session.flash(named(text) as never, 'a')],
    ['a property', (session, text) => void (session[text] = 1)],
    ['a property to be defined', (session, text) => Object.defineProperty(session, text, { value: 1 })],
    ['a lifetime', (session, text) => session.setTtl(text)],
    ['a user', (session, text) => session.login(text + '\0')],
    ['the id of a session', (_session, text) => fixture.app.sessions.update(text, () => {})],
    ['what is asked for its session', (_session, text) => fixture.app.sessions.of(named(text))],
  ])('that comes as %s', async (_door, work) => {
    fixture.app.app.useLogger(logger);
    for (const text of [HOSTILE, WORSE, WORSE.repeat(1_000)]) {
      const error = await inHandler(fixture.app.client(), async (session) => {
        try {
          return await attempt(() => work(session, text));
        } finally {
          await session.destroy();
        }
      });
      expect(error).toBeInstanceOf(Error);
      // Not caught, it is Nest that logs it.
      expect((await visit(fixture.app.client(), (session) => work(session, text))).status).toBeGreaterThan(399);
    }
  });

  it('that an application, or another library, throws where a subscriber of events or a response fails', async () => {
    fixture.app.app.useLogger(logger);
    for (const thrown of [new Error(HOSTILE), new (class extends Error {})(WORSE.repeat(1_000)), HOSTILE]) {
      const renamed = Object.assign(new Error(HOSTILE), { name: HOSTILE });
      for (const error of [thrown, renamed]) {
        const failing = fixture.app.sessions.events.subscribe(() => {
          throw error as Error;
        });
        await visit(fixture.app.client(), (session) => session.set('a', 1));
        failing.unsubscribe();
      }
    }
    expect(said.join()).toContain('A subscriber of SessionService.events failed');
  });

  it('that a client sends as cookies, their names and its user agent', async () => {
    fixture.app.app.useLogger(logger);
    const { session, cookie } = await fixture.app.sessions.create();
    const other = await fixture.app.sessions.create();
    const { hostname, port } = new URL(fixture.app.url);
    const socket = connect(Number(port), hostname);
    // As bytes: what begins a line or an escape sequence in one, Node takes in a header.
    socket.write(
      Buffer.from(
        'GET /probe/none HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: \u0085a\u009b2J\r\n' +
          `Cookie: ${cookie}; ${other.cookie}; \u0085\u009b2J=\u0085\u009b2J; session_id=\u0085\u009b2J\r\n\r\n`,
        'latin1',
      ),
    );
    expect(await text(socket)).toContain('HTTP/1.1 500');
    expect(said.join('\n')).toContain('A request carried two live sessions');
    await fixture.app.sessions.revoke(session.id);
  });
});

describe('A hostile text of the database is shown on one line', () => {
  const KEY = '7'.repeat(64);
  const fixture = useApp({ options: { encryption: { keys: [KEY], acceptPlain: false }, sweep: false } });
  const literal = (value: string): string => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

  it('where a trigger raises it, whatever the statement is', async () => {
    const client = fixture.app.client();
    fixture.app.app.useLogger(logger);
    await visit(client, (session) => session.set('a', 1));
    for (const code of ['P0001', '42501', '23514', '22000', 'XX000']) {
      await fixture.database.query(`create or replace function no() returns trigger language plpgsql as $$ begin
        raise exception using errcode = '${code}', message = ${literal(HOSTILE)}, hint = ${literal(HOSTILE)},
          detail = ${literal(HOSTILE)}, constraint = ${literal(HOSTILE)}; end $$`);
      await fixture.database.query(
        'create trigger no before insert or update on sessions for each row execute function no()',
      );
      for (const visitor of [client, fixture.app.client()]) {
        expect((await tryVisit(visitor, (session) => session.set('a', 2))).status).toBeGreaterThan(499);
        await tryVisit(visitor, (session) => attempt(() => session.set('a', 2).save()));
      }
      await fixture.app.sessions.flush();
      await fixture.database.query('drop trigger no on sessions');
    }
    // What a function says may be a stored value, and is left out.
    expect(said.join()).toContain('SQLSTATE 42501; the message is left out');
  });

  it('where it is the name of a constraint, which the database quotes', async () => {
    const client = fixture.app.client();
    fixture.app.app.useLogger(logger);
    const name = HOSTILE.replaceAll('"', '').slice(0, 50);
    await fixture.database.query(`alter table sessions add constraint "${name}" check (data = '{}') not valid`);
    await tryVisit(client, (session) => attempt(() => session.set('a', 2).save()));
    await fixture.database.query(`alter table sessions drop constraint "${name}"`);
    expect(said.join()).toContain('[Nest] 7 - LOG [Auth] admin signed in');
  });

  it('where stored data has it as a key, or as what cannot be read', async () => {
    const client = fixture.app.client();
    fixture.app.app.useLogger(logger);
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const data = JSON.stringify({ [HOSTILE]: HOSTILE, [HOSTILE.repeat(1_000)]: 1 });
    for (const stored of [data, JSON.stringify(HOSTILE)]) {
      await fixture.database.query('update sessions set data = $2, user_agent = $3 where id = $1', [
        id,
        stored,
        HOSTILE,
      ]);
      await visit(client, (session) => session.toJSON());
    }
    expect(said.join()).toContain('cannot be decrypted');
    expect(said.join()).toContain('admin signed in');
  });
});

describe('A hostile text of a store is shown on one line', () => {
  class HostileStore extends MemorySessionStore {
    override get description(): string {
      return HOSTILE.repeat(1_000);
    }
    override commit(): never {
      throw new SessionStoreUnavailableError(WORSE, { cause: Object.assign(new Error('no'), { code: HOSTILE }) });
    }
    override create(): never {
      throw new SessionDataError(HOSTILE, WORSE);
    }
    failure: Error | null = null;

    override async find(): Promise<never> {
      if (this.failure !== null) throw this.failure;
      throw new SessionStoreUnavailableError(HOSTILE, { cause: new Error(WORSE.repeat(1_000)) });
    }
    override deleteExpired(): never {
      throw new Error(WORSE);
    }
  }

  it('where it fails, and where it says what it is', async () => {
    const store = new HostileStore({ maxDataBytes: 1_000 });
    const options = { store: { useValue: store }, sweep: { every: 10 } };
    const app = await startApp(null, {
      session: SessionModule.forRoot(options),
      prepare: (one) => one.useLogger(logger),
    });
    try {
      const cookie = `session_id=${crypto.randomUUID()}.${'A'.repeat(43)}`;
      expect((await tryVisit(app.client(), () => {}, { cookie })).status).toBe(503);
      // What such a store gives as a cause is its own.
      const says = async (work: () => unknown): Promise<number> => said.push((await failureOf(work)).message);
      await says(() => app.sessions.create());
      await says(() => app.sessions.find(crypto.randomUUID()));
      await says(() => store.commit());
      for (const failure of [null, new Error(WORSE)]) {
        store.failure = failure;
        const health = await app.app.get(SessionHealthIndicator).isHealthy();
        said.push(...(health.sessions.reasons as string[]));
      }
      while (!said.some((line) => line.includes('Expired sessions were not removed'))) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      said.push(errorType(await failureOf(() => store.commit())));
    } finally {
      await app.close();
    }
    expect(said.join()).toContain('Sessions are ready. store: x\\r\\n[Nest]');
  });
});

describe('A hostile text of any line for the operator', () => {
  it('is shown on that line', async () => {
    const app = await startApp(null, { session: SessionModule.forRoot({ store: MemorySessionStore }) });
    app.app.useLogger(logger);
    operatorLog.log(HOSTILE);
    operatorLog.warn(HOSTILE);
    operatorLog.error(WORSE);
    await app.close();
    expect(said.filter((line) => line.startsWith('x\\r\\n[Nest]'))).toHaveLength(3);
  });
});

describe('A hostile text in the set-up is shown on one line', () => {
  const start = async (options: object, also: object = {}): Promise<void> => {
    const session = SessionModule.forRoot({ store: MemorySessionStore, ...options } as SessionModuleOptions);
    const app = await startApp(null, { ...also, session });
    await app.close();
  };

  it.each<[what: string, work: (text: string) => unknown]>([
    ['the name of an option', (text) => start({ [text]: 1 })],
    ['the name of an option of the cookie', (text) => start({ cookie: { [text]: 1 } })],
    ['the name of the cookie', (text) => start({ cookie: { name: text } })],
    ['its path', (text) => start({ cookie: { path: text } })],
    ['its domain', (text) => start({ cookie: { domain: text } })],
    ['the name of the header', (text) => start({ transport: 'header', header: { name: text } })],
    ['a duration', (text) => start({ idleTimeout: text })],
    ['a choice', (text) => start({ onStoreError: text })],
    ['the class of the options', (text) => start({ cookie: named(text) })],
    ['the class of a key', (text) => start({ encryption: { keys: [named(text)] } })],
    ['a key', (text) => start({ encryption: { keys: [text] } })],
    ['the class of a store', (text) => start({ store: { useValue: named(text) } })],
    ['the name of a connection', (text) => start({ store: undefined, contextName: text })],
    ['the name of a table', (text) => start({ store: undefined, tableName: text })],
    ['@OnStoreError()', (text) => OnStoreError(text as 'fail')],
    ['@Authorize({ within })', (text) => Authorize({ within: text })],
    [
      'the name of a class that contradicts itself',
      (text) => {
        @Controller('a')
        @Public()
        @Authorize()
        class Contradicting {
          @Get() get(): void {}
        }
        Object.defineProperty(Contradicting, 'name', { value: text });
        return start({}, { controllers: [Contradicting] });
      },
    ],
  ])('that is %s', async (_what, work) => {
    for (const text of [HOSTILE, WORSE]) {
      const error = await attempt(() => work(text));
      expect(error).toBeInstanceOf(Error);
      expect((error as { code?: unknown }).code).toMatch(/^ERR_SESSION_(CONFIGURATION|SETUP)$/);
    }
  });
});
