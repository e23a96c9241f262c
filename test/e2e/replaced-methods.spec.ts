import { Controller, Get, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { Authorize, type AuthSnapshot, Public, SessionGuard } from 'nestjs-mikro-session';
import { type AppFixture, useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';

/** Another function in the place of the method, which inherits from it: what is noted on the method is found on both. */
function Aspect(): MethodDecorator {
  return (_target, name, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    };
    Object.defineProperty(descriptor.value, 'name', { value: String(name) });
    Object.setPrototypeOf(descriptor.value, method);
  };
}

const status = async ({ app }: AppFixture, path: string, auth: AuthSnapshot | null = null): Promise<number> => {
  const cookie = auth === null ? '' : (await app.sessions.create({ userId: 'ada', auth })).cookie;
  return (await app.client().get(path, { cookie })).status;
};

describe.each(PLATFORMS)('Where a function that inherits from a method stands in its place, on %s', (platform) => {
  @Controller('closed')
  class ClosedController {
    @Get('above') @Authorize({ roles: ['admin'] }) @Aspect() above(): void {}
    @Get('below') @Aspect() @Authorize({ roles: ['admin'] }) below(): void {}
    @Get('around') @Authorize() @Aspect() @Authorize({ roles: ['admin'] }) around(): void {}
    @Get('permission') @Aspect() @Authorize({ permissions: ['edit'] }) permission(): void {}
    @Get('within') @Aspect() @Authorize({ within: 1 }) within(): void {}
  }
  @Public()
  @Controller('open')
  class OpenController {
    @Get('page') @Aspect() page(): void {}
    @Get('above') @Authorize({ roles: ['admin'] }) @Aspect() above(): void {}
    @Get('below') @Aspect() @Authorize({ roles: ['admin'] }) below(): void {}
  }
  @Authorize()
  @Controller('partly')
  class PartlyController {
    @Get('open') @Aspect() @Public() open(): void {}
  }
  const controllers: Type[] = [ClosedController, OpenController, PartlyController];
  const without = useApp({ platform, controllers });
  const guarded = useApp({ platform, controllers, providers: [{ provide: APP_GUARD, useClass: SessionGuard }] });

  it.each([
    ['without a guard of the application', without],
    ['with one', guarded],
  ])('asks for what was required of the method, in either order, %s', async (_which, fixture) => {
    for (const path of ['/closed/above', '/closed/below', '/closed/around', '/open/above', '/open/below']) {
      expect([path, await status(fixture, path)]).toEqual([path, 401]);
      expect([path, await status(fixture, path, { roles: ['clerk'] })]).toEqual([path, 403]);
      expect([path, await status(fixture, path, { roles: ['admin'] })]).toEqual([path, 200]);
    }
    expect(await status(fixture, '/closed/permission', {})).toBe(403);
    expect(await status(fixture, '/closed/within', {})).toBe(401);
    expect(await status(fixture, '/open/page')).toBe(200);
    expect(await status(fixture, '/partly/open')).toBe(200);
  });
});
