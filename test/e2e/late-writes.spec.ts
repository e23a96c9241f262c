import { setTimeout as after } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Post,
  Req,
  RequestTimeoutException,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { rememberHandshakes, Session, SessionService, sessionMiddleware } from 'nestjs-mikro-session';
import { catchError, type Observable, throwError, timeout } from 'rxjs';
import { useApp } from '../support/app.js';
import { idOf } from '../support/express-session.js';
import { ask } from '../support/gateway.js';
import { type Platform, type PlatformResponse, PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';
import { connect } from '../support/ws-client.js';

@Injectable()
class TimeoutInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      timeout(20),
      catchError(() => throwError(() => new RequestTimeoutException())),
    );
  }
}

/** Work that no answer waits for; a test can. */
class Background {
  readonly #work: Promise<unknown>[] = [];

  run(work: Promise<unknown>): void {
    this.#work.push(work);
  }

  /** @throws what any of it has thrown */
  async done(): Promise<void> {
    await Promise.all(this.#work.splice(0));
  }
}

/** Long after the answer has gone, to a client on the same machine. */
const LATER = 100;
type Data = { late?: number; list?: number[] };

/** A class of its own for each application. */
function lateController(background: Background) {
  const later = (work: () => unknown) => background.run(after(LATER).then(work));

  @Controller('late')
  class LateController {
    constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

    @Post('timer')
    timer(@Session() session: Session) {
      later(() => session.set('late', 1));
    }

    @Post('forgotten')
    forgotten(@Session() session: Session) {
      const work = async () => {
        await after(LATER);
        (session.data as Data).late = 1;
      };
      background.run(work());
    }

    @Post('timed-out')
    @UseInterceptors(TimeoutInterceptor)
    timedOut(@Session() session: Session) {
      const work = after(LATER).then(() => session.increment('late'));
      background.run(work);
      return work;
    }

    @Post('in-place')
    @UseInterceptors(TimeoutInterceptor)
    inPlace(@Session('list') list: number[]) {
      const work = after(LATER).then(() => list.push(1));
      background.run(work);
      return work;
    }

    @Post('long-poll')
    longPoll(@Session() session: Session, @Res() response: PlatformResponse) {
      later(() => session.flash('info', 'It has come.'));
      response.status(204).send();
    }

    @Post('lifetime')
    lifetime(@Session() session: Session) {
      later(() => session.setTtl('7d'));
    }

    @Post('by-service')
    byService(@Req() request: object, @Session() session: Session) {
      const context = 'raw' in request ? null : request;
      later(async () => (context === null ? session : await this.sessions.of(context)).delete('list'));
    }

    @Post('unsaved-again')
    unsavedAgain(@Session() session: Session) {
      later(async () => {
        session.set('late', 1);
        await session.save();
        session.set('later', 1);
      });
    }

    @Post('saved')
    saved(@Session() session: Session) {
      later(async () => {
        session.set('late', 1);
        await after(LATER);
        await session.save();
      });
    }

    @Post('saved-in-place')
    @UseInterceptors(TimeoutInterceptor)
    savedInPlace(@Session() session: Session, @Session('list') list: number[]) {
      const work = after(LATER).then(() => (list.push(1), session.save()));
      background.run(work);
      return work;
    }

    @Post('updated')
    updated(@Session() session: Session) {
      later(() => session.update((data) => void ((data as Data).late = 1)));
    }

    @Post('read')
    read(@Session() session: Session) {
      session.set('seen', 1);
      later(() => session.get('list'));
    }

    @Post('ended')
    ended(@Session() session: Session) {
      later(() => session.destroy());
    }

    @Post('failed')
    failed(@Session() session: Session) {
      session.set('late', 1);
      throw new Error('broken');
    }
  }
  return LateController;
}

const LOST = ['timer', 'forgotten', 'timed-out', 'in-place', 'long-poll', 'lifetime', 'by-service', 'unsaved-again'];
const KEPT = ['saved', 'saved-in-place', 'updated', 'read', 'ended', 'failed'];

/** Waits for as many warnings, up to 20 seconds, and returns all that are there by then. */
async function warned(warnings: readonly string[], count: number): Promise<string[]> {
  for (let turns = 0; turns < 400 && warnings.length < count; turns++) await after(50);
  return warnings.filter((warning) => warning.includes('after it had answered'));
}
const nameOf = (route: string) => route.replaceAll(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());

describe.each(PLATFORMS)('On %s, a write after the response has gone', (platform: Platform) => {
  const background = new Background();
  const fixture = useApp({ platform, controllers: [lateController(background)] });
  let warnings: string[];
  const stored: Record<string, unknown> = {};

  beforeAll(async () => {
    const play = async (route: string) => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('list', []));
      const { status } = await client.post(`/late/${route}`);
      await background.done();
      stored[route] = (await fixture.app.sessions.find(await idOf(client)))?.toJSON();
      return [route, status] as [string, number];
    };
    const answers: [string, number][] = [];
    for (const route of [...KEPT, ...LOST, 'timer']) answers.push(await play(route));
    if (!answers.some(([route, status]) => route === 'timed-out' && status === 408))
      throw new Error('There was no timeout.');
    warnings = await warned(fixture.app.warnings, LOST.length);
  }, 60_000);

  it.each(LOST)('is lost, and said so, once: %s', (route) => {
    expect(warnings.filter((warning) => warning.startsWith(`LateController.${nameOf(route)}() wrote`))).toEqual([
      expect.stringMatching(/that is lost\. .*`await session\.save\(\)`.*said once for each handler/),
    ]);
  });

  it.each(KEPT)('is no reason for a warning where nothing is lost: %s', (route) => {
    expect(warnings.filter((warning) => warning.startsWith(`LateController.${nameOf(route)}() wrote`))).toEqual([]);
  });

  it('is stored where it is saved', () => {
    expect(stored['saved']).toEqual({ list: [], late: 1 });
    expect(stored['saved-in-place']).toEqual({ list: [1] });
    expect(stored['updated']).toEqual({ list: [], late: 1 });
    expect(stored['unsaved-again']).toEqual({ list: [], late: 1 });
    expect(stored['timed-out']).toEqual({ list: [] });
  });
});

describe('A late write', () => {
  @WebSocketGateway()
  class LateGateway {
    @SubscribeMessage('late')
    late(@Session() session: Session, @MessageBody() key: string) {
      setTimeout(() => session.set(key, 1), LATER);
      return 'answered';
    }
  }
  const background = new Background();
  const fixture = useApp({
    controllers: [lateController(background)],
    providers: [LateGateway],
    prepare: (app) => {
      app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app)));
      app.use(sessionMiddleware(app));
      app.use('/own', ({ session }: { session: Record<string, unknown> }, response: PlatformResponse) => {
        setTimeout(() => (session['late'] = 1), LATER);
        response.send('answered');
      });
    },
  });

  it('to a new session, by a handler of Express’s own, and by a gateway says where it was, and what to do', async () => {
    const { cookie } = await fixture.app.sessions.create({ data: { a: 1 } });
    await fixture.app.client().post('/late/timer');
    await fixture.app.client().get('/own', { cookie });
    const socket = await connect(fixture.app.url, cookie);
    await ask(socket, 'late', 'b');
    await background.done();
    expect((await warned(fixture.app.warnings, 3)).toSorted()).toEqual([
      expect.stringMatching(/^A handler that belongs to no controller wrote/),
      expect.stringMatching(
        /^LateController\.timer\(\) wrote .*A new session needs its cookie in the response: begin it/,
      ),
      expect.stringMatching(/^LateGateway\.late\(\) wrote .*Write before it answers/),
    ]);
    socket.close();
  });
});
