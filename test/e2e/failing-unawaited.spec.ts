import { Body, Controller, Post, Res } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import {
  MemorySessionStore,
  Session,
  SessionModule,
  SessionStoreUnavailableError,
  sessionMiddleware,
} from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { useAppWithoutDatabase } from '../support/app.js';
import { work } from '../support/express-session.js';
import { graphql, inResolver, ItemResolver } from '../support/graphql.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';

/** What the store does at the moment. */
let isDown = false;
let isOutForReading = false;

const unavailable = (): Promise<never> => Promise.reject(new SessionStoreUnavailableError('reach the database'));

/** Refuses at once, as a port does where nobody listens. */
class RefusingStore extends MemorySessionStore {
  override find(...args: Parameters<MemorySessionStore['find']>) {
    return isOutForReading ? unavailable() : super.find(...args);
  }
  override delete(...args: Parameters<MemorySessionStore['delete']>) {
    return isDown ? unavailable() : super.delete(...args);
  }
  override login(...args: Parameters<MemorySessionStore['login']>) {
    return isDown ? unavailable() : super.login(...args);
  }
  override update(...args: Parameters<MemorySessionStore['update']>) {
    return isDown ? unavailable() : super.update(...args);
  }
}

beforeEach(() => {
  isDown = false;
  isOutForReading = false;
});

const ada = async (client: Client): Promise<Client> => {
  await visit(client, async (session) => {
    session.set('a', 1);
    await session.login('ada');
  });
  return client;
};
const left = (client: Client) => inHandler(client, (session) => [session.userId, session.toJSON()]);
type Ending = 'logout' | 'destroy';

/** Its handlers answer by themselves. */
@Controller()
class AnsweringController {
  @Post('wait-after')
  async waitAfter(@Session() session: Session, @Res() response: Response, @Body() { end }: { end: Ending }) {
    const ending = session[end]();
    response.status(200).json({ done: true });
    await ending;
  }

  @Post('wait-before-end')
  async waitBeforeEnd(@Session() session: Session, @Res() response: Response, @Body() { end }: { end: Ending }) {
    response.status(200).write('done: ');
    const ending = session[end]();
    response.end('true');
    await ending;
  }

  /** As of a service: it handles what fails by itself. */
  async #count(session: Session): Promise<void> {
    try {
      await session.update((data) => void (data['n'] = 1));
    } catch {
      // Not important.
    }
  }

  @Post('count')
  count(@Session() session: Session, @Res() response: Response): void {
    void this.#count(session);
    response.status(200).end('fine');
  }

  @Post('count-later')
  async countLater(@Session() session: Session, @Res() response: Response): Promise<void> {
    const counting = session.update((data) => void (data['n'] = 1));
    response.status(200).write('fi');
    response.end(
      await counting.then(
        () => 'ne',
        () => 'ne',
      ),
    );
  }

  @Post('throw')
  throw(@Body() { how }: { how: string }): never {
    const then = (): void => {
      if (how === 'throws') throw new Error('It is no promise.');
    };
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    throw Object.defineProperty({}, 'then', { value: then });
  }

  @Post('handle')
  async handle(@Session() session: Session, @Res() response: Response, @Body() { end }: { end: Ending }) {
    const ending = session[end]();
    response.status(200).json({
      done: await ending.then(
        () => true,
        () => false,
      ),
    });
  }
}

/** The turn of the event loop after this one, by which a refusal has come. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const bad = 'half \ud800';

describe('An operation that fails, and that nobody waits for', () => {
  const fixture = useAppWithoutDatabase({
    session: SessionModule.forRoot({ store: RefusingStore }),
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
    ],
    providers: [ItemResolver],
    controllers: [AnsweringController],
    prepare: (app) => app.use(sessionMiddleware(app)),
  });

  it.each<[string, (session: Session) => unknown]>([
    ['logout()', (session) => session.logout()],
    ['destroy()', (session) => session.destroy()],
    ['login() of another user', (session) => session.login('bob')],
    ['update()', (session) => session.update((data) => void (data['n'] = 1))],
  ])('fails the request, and nothing that was written after it is stored: %s', async (_, act) => {
    for (const wait of [turn, () => Promise.resolve()]) {
      const client = await ada(fixture.app.client());
      isDown = true;
      const reply = await tryVisit(client, async (session) => {
        void act(session);
        session.set('card', 'of the next user');
        await wait();
        return 'done';
      });
      isDown = false;
      expect(reply).toMatchObject({ status: 503, setCookies: [] });
      expect(await left(client)).toEqual(['ada', { a: 1 }]);
    }
  });

  it.each<[string, (session: Session) => unknown]>([
    ['data', (session) => session.login('ada', { name: bad })],
    ['a user id', (session) => session.login('x'.repeat(600))],
    ['an argument', (session) => session.update(null as never)],
  ])('fails the request where %s is refused, and not the process', async (_, act) => {
    const client = await ada(fixture.app.client());
    const reply = await tryVisit(client, (session) => void act(session));
    expect(reply.status).toBe(500);
    expect(await left(client)).toEqual(['ada', { a: 1 }]);
  });

  it.each<[string, unknown]>([
    ['a Date', new Date(0)],
    ['too much', 'x'.repeat(70_000)],
  ])('fails the request, and stores nothing, where save() is refused: %s', async (_, value) => {
    const client = await ada(fixture.app.client());
    const saved = await tryVisit(client, (session) => {
      session.set('step', 2).set('at', value as never);
      void session.save();
      return 'saved';
    });
    const compatible = await work(client, (request) => {
      Object.assign(request.session, { step: 2, at: value instanceof Date ? 1n : value });
      void request.session.save();
    });
    expect([saved.status, compatible.status]).toEqual([500, 500]);
    expect(await left(client)).toEqual(['ada', { a: 1 }]);
  });

  it.each<[string, (session: Session) => unknown]>([
    ['save()', (session) => session.set('order', 1).save()],
    ['reload()', (session) => void (session.reload(), session.set('order', 1))],
  ])('fails the request, whose changes are lost, where %s finds the session gone', async (_, act) => {
    const client = await ada(fixture.app.client());
    const reply = await tryVisit(client, async (session) => {
      await fixture.app.sessions.revoke(session.id);
      void act(session);
      return 'ordered';
    });
    expect(reply).toMatchObject({ status: 401, setCookies: [] });
  });

  it('fails the request where it is one of a request.session that regenerate() has replaced', async () => {
    const client = await ada(fixture.app.client());
    const reply = await tryVisit(client, (_, request: any) => {
      const before = request.session;
      before.regenerate(() => void before.save());
    });
    expect(reply.status).toBe(401);
  });

  it.each<Ending>(['logout', 'destroy'])(
    'fails an answer that is given before anybody waits for it, and not one that tells what came of it: %s()',
    async (end) => {
      const client = await ada(fixture.app.client());
      isDown = true;
      const after = await client.post('/wait-after', { end });
      const cutOff = client.post('/wait-before-end', { end });
      await expect(cutOff).rejects.toThrow(/fetch failed|terminated/);
      const handled = await client.post('/handle', { end });
      isDown = false;
      expect([after.status, handled.status, handled.text]).toEqual([503, 200, '{"done":false}']);
      expect(await left(client)).toEqual(['ada', { a: 1 }]);
    },
  );

  it.each(['/count', '/count-later'])(
    'fails no answer where the handler has seen to it before: POST %s',
    async (path) => {
      const client = await ada(fixture.app.client());
      isDown = true;
      const reply = await client.post(path, {});
      isDown = false;
      expect([reply.status, reply.text]).toEqual([200, 'fine']);
    },
  );

  it.each(['throws', 'never settles'])(
    'answers where a handler throws something with a then() that %s',
    async (how) => {
      expect((await fixture.app.client().post('/throw', { how })).status).toBe(500);
    },
  );

  it('fails one of several resolvers, whose others store nothing of it', async () => {
    const client = await ada(fixture.app.client());
    isDown = true;
    const loginOnly = inResolver(async (session) => {
      void session.login('bob');
      session.set('card', 'of bob');
      await turn();
    });
    const reply = await graphql(client, `{ a: visit(name: ${loginOnly}) b: visit(name: ${inResolver(turn)}) }`);
    isDown = false;
    expect(reply.errors).toHaveLength(1);
    expect(await left(client)).toEqual(['ada', { a: 1 }]);
  });

  it('is told of in the log where no request can fail with it', async () => {
    const { session } = await fixture.app.sessions.create({ userId: 'ada' });
    const found = (await fixture.app.sessions.find(session.id)) as Session;
    isDown = true;
    void found.update((data) => void (data['n'] = 1));
    await turn();
    expect(fixture.app.lines).toContainEqual(expect.stringContaining('nobody waited for it'));
  });
});

describe('An operation that fails, and that is called for outside of the handlers of a gateway', () => {
  const fixture = useAppWithoutDatabase({ session: SessionModule.forRoot({ store: RefusingStore }) });

  it('is told of in the log, as no request can fail with it', async () => {
    const client = await ada(fixture.app.client());
    const handshake = { headers: { cookie: await client.cookie() }, url: '/', method: 'GET' };
    const session = await fixture.app.sessions.of({ handshake });
    isDown = true;
    void session.logout();
    await turn();
    expect(fixture.app.lines).toContainEqual(expect.stringContaining('nobody waited for it'));
  });
});

describe('An operation that fails, and whose failure somebody handles', () => {
  const fixture = useAppWithoutDatabase({
    session: SessionModule.forRoot({ store: RefusingStore }),
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
    ],
    providers: [ItemResolver],
  });
  const soldOut = () => {
    throw new Error('sold out');
  };

  it.each<[string, (session: Session) => Promise<unknown>]>([
    ['by await', async (session) => session.update(soldOut).catch(() => {})],
    ['with others', (session) => Promise.all([session.update(soldOut), session.update(soldOut)]).catch(() => {})],
    ['not in time', async (session) => Promise.race([session.update(soldOut).catch(() => {}), turn()])],
    [
      'later than it fails',
      async (session) => {
        const updating = session.update(soldOut);
        await turn();
        await updating.catch(() => {});
      },
    ],
  ])('fails no request: %s', async (_, handle) => {
    const client = await ada(fixture.app.client());
    const reply = await tryVisit(client, async (session) => {
      await handle(session);
      session.set('told', true);
      return 'handled';
    });
    expect(reply).toMatchObject({ status: 200, text: 'handled' });
    expect(await left(client)).toEqual(['ada', { a: 1, told: true }]);
  });

  it('fails no resolver beside the one that handles it', async () => {
    const client = await ada(fixture.app.client());
    const handles = inResolver((session) => session.update(soldOut).catch(() => 'handled'));
    const fine = inResolver(() => 'fine');
    const reply = await graphql(client, `{ a: visit(name: ${handles}) b: visit(name: ${fine}) }`);
    expect(reply).toMatchObject({ data: { a: '"handled"', b: '"fine"' }, errors: undefined });
  });
});

describe('An operation of a stand-in, that nobody waits for', () => {
  const fixture = useAppWithoutDatabase({
    session: SessionModule.forRoot({ store: RefusingStore, onStoreError: 'anonymous' }),
    prepare: (app) => app.use(sessionMiddleware(app)),
  });

  it.each<[string, (session: Session) => unknown]>([
    ['login()', (session) => session.login('bob')],
    ['logout()', (session) => session.logout()],
    ['regenerate()', (session) => session.regenerate()],
    ['destroy()', (session) => session.destroy()],
    ['update()', (session) => session.update(() => {})],
  ])('fails the request: %s', async (_, act) => {
    const client = await ada(fixture.app.client());
    isOutForReading = true;
    expect((await tryVisit(client, (session) => void act(session))).status).toBe(503);
  });

  it.each<[string, (session: Session) => unknown]>([
    ['save()', (session) => session.save()],
    ['reload()', (session) => session.reload()],
  ])('fails nothing where nothing is to become of it: %s', async (_, act) => {
    const client = await ada(fixture.app.client());
    isOutForReading = true;
    expect((await visit(client, (session) => void act(session.set('b', 2)))).status).toBe(200);
    await work(client, (request) => {
      request.session['b'] = 2;
      void request.session.save();
    });
  });
});
