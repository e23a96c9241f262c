import { Body, Controller, Post, Res } from '@nestjs/common';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import { MemorySessionStore, Session, SessionModule } from 'nestjs-mikro-session';
import { useAppWithoutDatabase } from '../support/app.js';
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
  answers(@Session() session: Session, @Res() response: Response, @Body() { steps }: { steps: Step[] }): void {
    outcomes = take(session, steps);
    response.status(200).json({ done: true });
  }

  /** What cannot be stored comes after the answer. */
  @Post('late')
  late(@Session() session: Session, @Res() response: Response): void {
    session.increment('orders');
    response.status(202).json({ done: true });
    session.set('at', new Date());
  }

  /** A stream that does not wait for its writes: all of it comes while what came before it is stored. */
  @Post('streams')
  streams(@Session() session: Session, @Res() response: Response): void {
    session.set('begun', 1);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('a');
    session.set('written', 2);
    response.write('b');
    session.set('ended', 3);
    response.end('c');
  }

  @Post('leaves')
  leaves(@Session() session: Session, @Res() response: Response): void {
    session.flash('info', 'Goodbye');
    response.writeHead(200);
    void session.logout();
    response.end();
  }

  /** Saves come faster than the store can take them, and nobody waits for them. */
  @Post('answers/without-end')
  withoutEnd(@Session() session: Session, @Res() response: Response): void {
    const ticking = setInterval(() => {
      session.increment('ticks');
      void session.save();
    }, 2);
    setTimeout(() => response.status(200).json({ done: true }), 20);
    outcomes = sleep(1_500).then(() => {
      clearInterval(ticking);
      return [];
    });
  }

  /** The handler goes on after its answer, and saves what it does. */
  @Post('answers/many')
  many(@Session() session: Session, @Res() response: Response): void {
    session.set('begun', true);
    response.status(200).json({ done: true });
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

describe.each([true, false])('Steps that a helper takes beside an answer (with the interceptor: %s)', (interceptor) => {
  const fixture = useAppWithoutDatabase({
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
  it('are no part of the answer where they come after it: it is as it was given', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => void session.set('a', 1));
    expect((await client.post('/late')).status).toBe(202);
    expect(await outcomes).toEqual([]);
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, orders: 1 });
  });

  it('are stored before the end, where they come while the answer is written', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => void session.set('a', 1));
    expect((await client.post('/streams')).text).toBe('abc');
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, begun: 1, written: 2, ended: 3 });
  });

  it('are done before the end, where nobody waits for a logout while the answer is written', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    expect((await client.post('/leaves')).status).toBe(200);
    expect(await inHandler(client, (session) => session.userId)).toBeNull();
  });

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
});
