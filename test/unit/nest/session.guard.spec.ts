import { ForbiddenException, UnauthorizedException } from '@nestjs/common';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Authorize,
  type AuthSnapshot,
  Public,
  SessionGuard,
  SessionRenewal,
  SessionSetupError,
  SkipSession,
} from 'nestjs-mikro-session';
import { requestContextOf } from '../../../lib/nest/context/context-of.js';
import { Visits } from './visits.js';

class Routes {
  plain(): void {}
  @Public() open(): void {}
  @SkipSession() skipped(): void {}
  @SessionRenewal(false) polled(): void {}
  @Authorize({ roles: ['admin', 'editor'] }) roles(): void {}
  @Authorize({ permissions: ['a.read', 'a.write'] }) permissions(): void {}
  @Authorize({ within: '10m' }) recent(): void {}
  @Authorize({ roles: ['admin'] }) @Authorize({ within: '10m' }) both(): void {}
}

const SIGN_IN = new UnauthorizedException('Sign in to go on.');
const SIGN_IN_AGAIN = new UnauthorizedException('Sign in again to go on.');
const FORBIDDEN = new ForbiddenException('You may not do this.');

describe('SessionGuard', () => {
  let visits: Visits;
  let guard: SessionGuard;

  beforeEach(() => {
    visits = new Visits();
    guard = Object.assign(new SessionGuard(), { sessionSource: visits.source });
  });

  const enter = (handler: string, cookie?: string, type?: string) =>
    guard.canActivate(visits.call(Routes, handler, cookie, type));
  const enterAs = async (handler: string, auth: AuthSnapshot) => enter(handler, await visits.cookie(auth));

  it('lets in who is signed in, and nobody else', async () => {
    await expect(enter('plain')).rejects.toEqual(SIGN_IN);
    await expect(enter('plain', 'session_id=x')).rejects.toEqual(SIGN_IN);
    await expect(enter('plain', await visits.cookie())).rejects.toEqual(SIGN_IN);
    expect(await enterAs('plain', {})).toBe(true);
  });

  it('lets every visitor in where a route is public, without a look-up', async () => {
    expect([await enter('open'), await enter('open', await visits.cookie({}))]).toEqual([true, true]);
    expect(visits.store.lookups).toBe(0);
  });

  it('lets nobody in where sessions are skipped, without a look-up', async () => {
    await expect(enterAs('skipped', {})).rejects.toEqual(SIGN_IN);
    expect(visits.store.lookups).toBe(0);
  });

  it('lets nobody in whose time is over while the request is under way', async () => {
    const call = visits.call(Routes, 'plain', await visits.cookie({}));
    const session = await requestContextOf(visits.source, call).load();
    session.setTtl(0);
    await expect(guard.canActivate(call)).rejects.toEqual(SIGN_IN);
  });

  it('asks again for a session that was looked up longer ago than two look-ups may take', async () => {
    const start = visits.store.now();
    const now = jest.spyOn(visits.store, 'now').mockReturnValue(start);
    const call = visits.call(Routes, 'plain', await visits.cookie({}));
    await requestContextOf(visits.source, call).load();
    visits.store.lookups = 0;
    now.mockReturnValue(start + 2 * visits.source.options.queryTimeout);
    expect([await guard.canActivate(call), visits.store.lookups]).toEqual([true, 0]);
    now.mockReturnValue(start + 2 * visits.source.options.queryTimeout + 1);
    expect([await guard.canActivate(call), visits.store.lookups]).toEqual([true, 1]);
    await visits.sessions.revokeAll();
    await expect(guard.canActivate(call)).rejects.toEqual(SIGN_IN);
  });

  describe('judges the expiry of a session that was looked up long ago by what is stored now', () => {
    const MINUTE = 60_000;

    /** A request that has loaded its session, and goes on so many minutes later; another one has come between, or not. */
    const held = async (minutes: number, isKept: boolean) => {
      const { session: known, cookie } = await visits.sessions.create({ userId: 'ada' });
      const call = visits.call(Routes, 'plain', cookie);
      const session = await requestContextOf(visits.source, call).load();
      visits.store.ahead += 20 * MINUTE;
      if (isKept) (await visits.sessions.find(known.id))?.touch();
      visits.store.ahead += (minutes - 20) * MINUTE;
      visits.store.lookups = 0;
      return { call, session };
    };

    it('and lets in whose session other requests have kept alive', async () => {
      const { call } = await held(40, true);
      expect([await guard.canActivate(call), visits.store.lookups]).toEqual([true, 1]);
    });

    it.each(['30m', '5m'])('and so where this request gives it a lifetime of its own: %s', async (ttl) => {
      const { call, session } = await held(40, true);
      session.setTtl(ttl);
      expect(await guard.canActivate(call)).toBe(true);
    });

    it('and lets nobody in whose time is over', async () => {
      await expect(guard.canActivate((await held(31, false)).call)).rejects.toEqual(SIGN_IN);
      await expect(guard.canActivate((await held(51, true)).call)).rejects.toEqual(SIGN_IN);
    });

    it.each<[number | string, string | undefined]>([
      [0, undefined],
      ['30m', '35m'],
    ])('nor where this request has ended it, by setTtl(%j, { absolute: %j })', async (ttl, absolute) => {
      const { call, session } = await held(40, true);
      session.setTtl(ttl, absolute === undefined ? {} : { absolute });
      await expect(guard.canActivate(call)).rejects.toEqual(SIGN_IN);
    });
  });

  it('says no to a message of a transport without sessions, and where the request behind one is not known', async () => {
    expect(await enter('plain', undefined, 'rpc')).toBe(false);
    expect(await enter('skipped', undefined, 'rpc')).toBe(false);
    expect(await enter('open', undefined, 'rpc')).toBe(true);
    for (const type of ['graphql', 'ws']) {
      const error = (await enter('plain', undefined, type).catch((reason: unknown) => reason)) as Error;
      expect(error).toBeInstanceOf(SessionSetupError);
      expect(error.message).toContain(`SessionGuard has no session to give (context "${type}")`);
    }
    await expect(enter('skipped', undefined, 'graphql')).rejects.toEqual(SIGN_IN);
  });

  it('notes that the visitor was admitted, that the answer depends on the cookie, and whether this was an access', async () => {
    const cookie = await visits.cookie({});
    for (const [handler, renews] of [
      ['plain', true],
      ['polled', false],
    ] as const) {
      const call = visits.call(Routes, handler, cookie);
      const context = requestContextOf(visits.source, call);
      expect(context.isAdmitted).toBe(false);
      await guard.canActivate(call);
      expect([context.isAdmitted, context.use()?.renews]).toEqual([true, renews]);
      context.beforeHeaders();
      expect(call.getArgByIndex<{ getHeader(name: string): unknown }>(1).getHeader('Vary')).toBe('Cookie');
    }
  });

  it('asks for one of the roles, and for all of the permissions', async () => {
    await expect(enterAs('roles', {})).rejects.toEqual(FORBIDDEN);
    await expect(enterAs('roles', { roles: ['reader'] })).rejects.toEqual(FORBIDDEN);
    expect(await enterAs('roles', { roles: ['reader', 'editor'] })).toBe(true);
    await expect(enterAs('permissions', { permissions: ['a.read'] })).rejects.toEqual(FORBIDDEN);
    expect(await enterAs('permissions', { permissions: ['a.read', 'a.write'] })).toBe(true);
    expect(await enterAs('permissions', { permissions: ['a.*'] })).toBe(true);
  });

  it('asks for a login that is recent enough, after all else', async () => {
    const admin = await visits.cookie({ roles: ['admin'] });
    const reader = await visits.cookie({ roles: ['reader'] });
    expect([await enter('recent', reader), await enter('both', admin)]).toEqual([true, true]);
    visits.store.ahead = 599_000;
    expect(await enter('recent', reader)).toBe(true);
    visits.store.ahead = 601_000;
    await expect(enter('recent', reader)).rejects.toEqual(SIGN_IN_AGAIN);
    await expect(enter('both', admin)).rejects.toEqual(SIGN_IN_AGAIN);
    await expect(enter('both', reader)).rejects.toEqual(FORBIDDEN);
    expect(await enter('plain', reader)).toBe(true);
  });
});
