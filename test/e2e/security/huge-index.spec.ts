import { describe, expect, it } from '@jest/globals';
import { Controller, Inject, Post, Query, Req } from '@nestjs/common';
import { type Session, sessionMiddleware, SessionService } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { PLATFORMS } from '../../support/platform.js';

type Answers = { answers: unknown[] };

/** Somebody writes where the client says, in an array of three. */
const WRITES: Record<string, (session: Session, view: Answers, index: number) => unknown> = {
  'session.data': ({ data }, _view, index) => ((data as Answers).answers[index] = 'mine'),
  'session.update()': (session, _view, index) =>
    session.update((data) => void ((data as Answers).answers[index] = 'mine')),
  'session.data, of an object': ({ data }, _view, index) => ((data as Answers).answers[index] = { by: 'me' }),
  'session.data, and reload()': async (session, _view, index) => {
    (session.data as Answers).answers[index] = 'mine';
    await session.reload();
  },
  'request.session': (_session, view, index) => (view.answers[index] = 'mine'),
  'an assignment to request.session': (_session, view, index) => {
    const answers = [...view.answers];
    answers[index] = 'mine';
    view.answers = answers;
  },
};

@Controller()
class AnswerController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post()
  async write(@Query('by') by: string, @Query('index') index: string, @Req() request: { session: Answers }) {
    const session = await this.sessions.of(request);
    await WRITES[by]?.(session, request.session, Number(index));
    return '';
  }
}

describe.each(PLATFORMS)('On %s, an index that a client has sent', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [AnswerController],
    prepare: (app) => void app.use(sessionMiddleware(app)),
  });

  async function written(by: string, index: number): Promise<[status: number, answers: unknown]> {
    const data = { answers: ['a', 'b', { c: 1 }] };
    const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada', data: data as never });
    const path = `/?${String(new URLSearchParams({ by, index: String(index) }))}`;
    const { status } = await fixture.app.client().post(path, undefined, { cookie });
    return [status, ((await fixture.row(session.id))['data'] as Answers).answers];
  }

  // To look at four billion holes takes minutes, in which nobody else is answered.
  it.each(Object.keys(WRITES).filter((by) => !by.includes('reload')))(
    'is refused at once where it is beyond all that can be stored: %s',
    async (by) => {
      expect(await written(by, 4_294_967_294)).toEqual([500, ['a', 'b', { c: 1 }]]);
    },
  );

  it('keeps reload() from nothing, which looks for what was changed', async () => {
    const start = performance.now();
    expect(await written('session.data, and reload()', 50_000_000)).toEqual([201, ['a', 'b', { c: 1 }]]);
    // Written out, it takes twenty.
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('fills up what is between by null in request.session, as JSON does', async () => {
    expect(await written('request.session', 5)).toEqual([201, ['a', 'b', { c: 1 }, null, null, 'mine']]);
  });
});
