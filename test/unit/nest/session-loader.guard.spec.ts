import { UnauthorizedException } from '@nestjs/common';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Authorize, SessionRenewal, SkipSession } from 'nestjs-mikro-session';
import { RequestContext } from '../../../lib/nest/context/request-context.js';
import { requestContextOf } from '../../../lib/nest/context/context-of.js';
import { SessionLoaderGuard } from '../../../lib/nest/session-loader.guard.js';
import { Visits } from './visits.js';

class Base {
  @Authorize({ roles: ['admin'] }) overridden(): void {}
}
class Routes extends Base {
  plain(): void {}
  @SessionRenewal(false) polled(): void {}
  @SkipSession() skipped(): void {}
  override overridden(): void {}
}

describe('SessionLoaderGuard', () => {
  let visits: Visits;
  let guard: SessionLoaderGuard;

  beforeEach(() => {
    visits = new Visits();
    guard = new SessionLoaderGuard(visits.source);
  });

  it('lets a request without a cookie pass at once', () => {
    expect(guard.canActivate(visits.call(Routes, 'plain'))).toBe(true);
    expect(visits.store.lookups).toBe(0);
  });

  it('loads the session of a request, and says whether that is an access', async () => {
    const cookie = await visits.cookie({});
    for (const [handler, renews] of [
      ['plain', true],
      ['polled', false],
    ] as const) {
      const call = visits.call(Routes, handler, cookie);
      expect(await guard.canActivate(call)).toBe(true);
      const session = requestContextOf(visits.source, call).use();
      expect([session?.userId, session?.renews]).toEqual(['ada', renews]);
    }
  });

  it('loads none where sessions are skipped, and has one not renewed that is loaded already', async () => {
    const call = visits.call(Routes, 'skipped', await visits.cookie({}));
    expect(guard.canActivate(call)).toBe(true);
    expect([visits.store.lookups, RequestContext.known(visits.source, call.getArgByIndex(0))]).toEqual([0, undefined]);
    const session = await requestContextOf(visits.source, call).load();
    expect(session.renews).toBe(true);
    expect(guard.canActivate(call)).toBe(true);
    expect(session.renews).toBe(false);
  });

  it('leaves messages and operations to others', async () => {
    for (const type of ['ws', 'graphql', 'rpc']) {
      expect(guard.canActivate(visits.call(Routes, 'plain', await visits.cookie({}), type))).toBe(true);
    }
    expect(visits.store.lookups).toBe(0);
  });

  it('checks what a method requires that the handler overrides', async () => {
    const enter = async (cookie?: string) => guard.canActivate(visits.call(Routes, 'overridden', cookie));
    await expect(enter()).rejects.toThrow(UnauthorizedException);
    await expect(enter(await visits.cookie({}))).rejects.toThrow('You may not do this.');
    expect(await enter(await visits.cookie({ roles: ['admin'] }))).toBe(true);
    expect(await guard.canActivate(visits.call(Routes, 'overridden', undefined, 'rpc'))).toBe(false);
  });

  it('says that the store cannot be asked as exception filters expect it', async () => {
    visits.store.find = async () => Promise.reject(new Error('down'));
    await expect(guard.canActivate(visits.call(Routes, 'plain', await visits.cookie({})))).rejects.toThrow('down');
  });
});
