import { expect, it, jest } from '@jest/globals';
import { sessionMiddleware, SessionSetupError } from 'nestjs-mikro-session';

const FIX = 'Call it: app.use(sessionMiddleware(app)).';

it('sessionMiddleware() says that it has to be called, where it is mounted itself', () => {
  const next = jest.fn<(error: unknown) => void>();
  const mounted = sessionMiddleware as unknown as (...args: unknown[]) => unknown;
  expect(mounted({ url: '/' }, {}, next)).toBeUndefined();
  const [[error]] = next.mock.calls as [[Error]];
  expect(error).toBeInstanceOf(SessionSetupError);
  expect(error.message).toContain(FIX);
});

it.each([undefined, null, {}, 'app'])('sessionMiddleware() says what it takes instead of %j', (app) => {
  expect(() => sessionMiddleware(app as never)).toThrow(FIX);
});
