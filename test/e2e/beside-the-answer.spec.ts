import { Body, Controller, Post, Res } from '@nestjs/common';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, Session, SessionModule } from 'nestjs-mikro-session';
import { useAppWithoutDatabase } from '../support/app.js';
import { PLATFORMS, type PlatformResponse, rawOf } from '../support/platform.js';
import { inHandler, visit } from '../support/probe.js';

const sleep = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds));

/** Takes its time, as a database does. */
class SlowStore extends MemorySessionStore {
  override async commit(...args: Parameters<MemorySessionStore['commit']>) {
    await sleep(10);
    return super.commit(...args);
  }
  override async update(...args: Parameters<MemorySessionStore['update']>) {
    await sleep(10);
    return super.update(...args);
  }
  override async login(...args: Parameters<MemorySessionStore['login']>) {
    await sleep(10);
    return super.login(...args);
  }
  override async delete(...args: Parameters<MemorySessionStore['delete']>) {
    await sleep(10);
    return super.delete(...args);
  }
  override async rotate(...args: Parameters<MemorySessionStore['rotate']>) {
    await sleep(10);
    return super.rotate(...args);
  }
}

const STEPS = {
  set: (session: Session) => void session.set('x', Math.random()),
  save: (session: Session) => session.save(),
  update: (session: Session) => session.update((data) => void (data['u'] = 1)),
  sleep: () => sleep(3),
  regenerate: (session: Session) => session.regenerate(),
  'login ada': (session: Session) => session.login('ada'),
  'login bob': (session: Session) => session.login('bob'),
  logout: (session: Session) => session.logout(),
};
type Step = keyof typeof STEPS;

/** What has come of the steps, once all have been tried. */
let outcomes: Promise<readonly (readonly [Step, 'done' | string])[]>;

/** What a helper does once the answer is given, and cannot be done. */
const LATE = {
  'a value that cannot be stored': (session: Session) => void session.set('at', new Date()),
  'a login': (session: Session) => void session.login('ada'),
  'a save that is refused': (session: Session) => {
    session.set('at', new Date());
    void session.save();
  },
  'an update that throws': (session: Session) =>
    void session.update(() => {
      throw new Error('of the application');
    }),
};
type Late = keyof typeof LATE;

const ANSWERS = {
  'at once': (response: PlatformResponse) => response.status(202).send({ done: true }),
  'in parts': (response: PlatformResponse) => {
    const raw = takenOver(response);
    raw.writeHead(202).write('do');
    raw.end('ne');
  },
};
type Answer = keyof typeof ANSWERS;

/** Node's response, of which Fastify expects nothing any more. */
function takenOver(response: PlatformResponse & { hijack?(): void }) {
  response.hijack?.();
  return rawOf(response);
}

/** A promise that some functions wait for, one for the other. */
const deep = async (promise: Promise<unknown>, levels: number): Promise<void> => {
  if (levels === 0) await promise;
  else await deep(promise, levels - 1);
};
const ignored = (): void => {};

/** What is done between the parts of an answer, of which the first is held. */
const BETWEEN: Record<string, (session: Session) => unknown> = {
  'a logout that nobody waits for': (session) => void session.logout(),
  'a logout whose failure is caught': (session) => void session.logout().catch(ignored),
  'the end of the session, with a callback': (session) => session.destroy(ignored),
};

async function take(session: Session, steps: readonly Step[]) {
  const taken: [Step, string][] = [];
  for (const step of steps) {
    try {
      await STEPS[step](session);
      taken.push([step, 'done']);
    } catch (error) {
      taken.push([step, (error as Error).name]);
    }
  }
  return taken;
}

@Controller()
class AnsweringController {
  @Post('answers')
  answers(@Session() session: Session, @Res() response: PlatformResponse, @Body() { steps }: { steps: Step[] }): void {
    outcomes = take(session, steps);
    response.status(200).send({ done: true });
  }

  @Post('late')
  late(
    @Session() session: Session,
    @Res() response: PlatformResponse,
    @Body() { answer, late }: { answer: Answer; late: Late },
  ): void {
    session.increment('orders');
    session.setTtl('2h');
    ANSWERS[answer](response);
    LATE[late](session);
  }

  /** A stream that does not wait for its writes: all of it comes while what came before it is stored. */
  @Post('streams')
  streams(@Session() session: Session, @Res() response: PlatformResponse): void {
    const raw = takenOver(response);
    session.set('begun', 1);
    raw.writeHead(200, { 'content-type': 'text/plain' });
    raw.write('a');
    session.set('written', 2);
    raw.write('b');
    session.set('ended', 3);
    raw.end('c');
  }

  @Post('leaves')
  leaves(@Session() session: Session, @Res() response: PlatformResponse, @Body() { how }: { how: string }): void {
    const raw = takenOver(response);
    session.flash('info', 'Goodbye');
    raw.writeHead(200);
    BETWEEN[how]?.(session);
    raw.end();
  }

  /** What nobody waits for is refused at once. */
  @Post('refused')
  refused(@Session() session: Session, @Res() response: PlatformResponse): void {
    const raw = takenOver(response);
    session.set('begun', 1);
    raw.writeHead(200).write('a');
    void session.login('');
    raw.end('b');
  }

  /** What is written once a save is done, while the first part of the answer is about to go out. */
  @Post('waits')
  async waits(@Session() session: Session, @Res() response: PlatformResponse, @Body() { levels }: { levels: number }) {
    const raw = takenOver(response);
    session.set('begun', 1);
    const saving = session.save();
    raw.writeHead(200).write('a');
    await deep(saving, levels);
    session.set('ended', 2);
    raw.end('b');
  }

  /** Saves come faster than the store can take them, and nobody waits for them. */
  @Post('answers/without-end')
  withoutEnd(@Session() session: Session, @Res() response: PlatformResponse): void {
    const ticking = setInterval(() => {
      session.increment('ticks');
      void session.save();
    }, 2);
    setTimeout(() => response.status(200).send({ done: true }), 20);
    outcomes = sleep(1_500).then(() => {
      clearInterval(ticking);
      return [];
    });
  }

  /** The handler goes on after its answer, and saves what it does. */
  @Post('answers/many')
  many(@Session() session: Session, @Res() response: PlatformResponse): void {
    session.set('begun', true);
    response.status(200).send({ done: true });
    outcomes = (async () => {
      for (let row = 0; row < 100; row++) {
        session.increment('rows');
        await session.save();
      }
      return [];
    })();
  }

  @Post('returns')
  returns(@Session() session: Session, @Body() { steps }: { steps: Step[] }): string {
    outcomes = take(session, steps);
    return 'done';
  }
}

describe.each(PLATFORMS.flatMap((platform) => [true, false].map((interceptor) => [platform, interceptor] as const)))(
  'Steps that a helper takes beside an answer (%s, with the interceptor: %s)',
  (platform, interceptor) => {
    const fixture = useAppWithoutDatabase({
      platform,
      session: SessionModule.forRoot({ store: SlowStore, interceptor }),
      controllers: [AnsweringController],
    });
    beforeEach(() => void (outcomes = Promise.resolve([])));

    const plans: Step[][] = [
      ['update', 'login bob'],
      ['update', 'set', 'login bob'],
      ['update', 'set', 'sleep', 'login bob'],
      ['update', 'set', 'sleep', 'regenerate'],
      ['save', 'set', 'sleep', 'login bob'],
      ['set', 'save', 'set', 'sleep', 'login bob'],
      ['set', 'save', 'logout', 'login bob'],
      ['login bob', 'set', 'sleep', 'regenerate', 'set', 'sleep', 'login ada'],
      ['update', 'set', 'sleep', 'login bob', 'set', 'sleep', 'login ada', 'set', 'sleep', 'login bob'],
    ];
    const lates = Object.keys(ANSWERS).flatMap((answer) => Object.keys(LATE).map((late) => [answer, late]));
    it.each(lates)(
      'are no part of the answer where they come after it: it is as it was given (%s, %s)',
      async (answer, late) => {
        const client = fixture.app.client();
        await visit(client, (session) => void session.set('a', 1));
        expect((await client.post('/late', { answer, late })).status).toBe(202);
        expect(await inHandler(client, (session) => [session.toJSON(), session.userId, session.ttl])).toEqual([
          { a: 1, orders: 1 },
          null,
          7_200_000,
        ]);
      },
    );

    it('are stored before the end, where they come while the answer is written', async () => {
      const client = fixture.app.client();
      await visit(client, (session) => void session.set('a', 1));
      expect((await client.post('/streams')).text).toBe('abc');
      expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, begun: 1, written: 2, ended: 3 });
    });

    it.each(Object.keys(BETWEEN))(
      'are done before the end, where they come while the answer is written: %s',
      async (how) => {
        const client = fixture.app.client();
        await visit(client, (session) => session.login('ada'));
        expect((await client.post('/leaves', { how })).status).toBe(200);
        expect(await inHandler(client, (session) => session.userId)).toBeNull();
      },
    );

    it('cut the answer off, where one is refused while it is written, and nobody waits for it', async () => {
      await expect(fixture.app.client().post('/refused')).rejects.toThrow('fetch failed');
    });

    it.each([0, 1, 2, 3, 4, 5, 6])(
      'are stored before the end, where they come behind a save, %i calls deep',
      async (levels) => {
        const client = fixture.app.client();
        await visit(client, (session) => void session.set('a', 1));
        expect((await client.post('/waits', { levels })).text).toBe('ab');
        expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, begun: 1, ended: 2 });
      },
    );

    it.each(['answers/without-end', 'answers/many'])('keep no answer back while they go on: %s', async (way) => {
      const client = fixture.app.client();
      await visit(client, (session) => void session.set('a', 1));
      const since = performance.now();
      expect((await client.post(`/${way}`)).status).toBe(200);
      expect(performance.now() - since).toBeLessThan(1_000);
      await outcomes;
    });

    it.each(['answers', 'returns'].flatMap((way) => plans.map((steps) => [way, steps] as const)))(
      'give a credential that the client gets, or fail: %s, %j',
      async (way, steps) => {
        const client = fixture.app.client();
        await visit(client, (session) => void session.set('a', 1));
        const cookie = await client.cookie();
        expect((await client.post(`/${way}`, { steps })).status).toBeLessThan(300);
        const done = (await outcomes).filter(([, outcome]) => outcome === 'done').map(([step]) => step);
        const login = done.findLast((step) => step.startsWith('login'));
        expect(await inHandler(client, (session) => session.userId)).toBe(login?.slice('login '.length) ?? null);
        const hasAnother = done.some((step) => step.startsWith('login') || step === 'regenerate');
        // After a logout, a cookie that is dead may stay.
        const isAnother = (await client.cookie()) !== cookie;
        expect(isAnother === hasAnother || done.includes('logout')).toBe(true);
      },
    );
  },
);
