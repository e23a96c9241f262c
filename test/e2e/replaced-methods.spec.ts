import { Controller, Get, Scope, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Authorize, type AuthSnapshot, Public, SessionGuard } from 'nestjs-mikro-session';
import { type AppFixture, useApp } from '../support/app.js';
import { instrumentHandlers } from '../support/instrumented-handlers.js';
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

/** Another function in the place of the method, without a name and what is noted, as MikroORM's `@Transactional()` has it. */
function Nameless(): MethodDecorator {
  return (_target, _name, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = (() =>
      function (this: unknown, ...args: unknown[]) {
        return method.apply(this, args);
      })();
  };
}

describe.each([
  ['Nest calls the methods themselves', false],
  ['instrumentation gives Nest other functions for the methods', true],
])('Where %s', (_how, isInstrumented) => {
  let restore = (): void => {};
  beforeAll(() => {
    if (isInstrumented) restore = instrumentHandlers();
  });
  afterAll(() => restore());

  class OpenBase {
    @Get('list') @Public() list(): void {}
  }
  @Controller('admin')
  @Authorize({ roles: ['admin'] })
  class AdminController extends OpenBase {}
  class GuardedBase {
    @Get('guarded') @Authorize() guarded(): void {}
  }
  @Controller('overriding')
  class OverridingController extends GuardedBase {
    @Get('guarded') @Nameless() override guarded(): void {}
  }
  const fixture = useApp({ controllers: [AdminController, OverridingController] });

  it('does not carry @Public() past a subclass that asks for more', async () => {
    expect(await status(fixture, '/admin/list')).toBe(401);
    expect(await status(fixture, '/admin/list', { roles: ['clerk'] })).toBe(403);
    expect(await status(fixture, '/admin/list', { roles: ['admin'] })).toBe(200);
  });

  it('asks for what an overridden method asks for', async () => {
    expect(await status(fixture, '/overriding/guarded')).toBe(401);
    expect(await status(fixture, '/overriding/guarded', {})).toBe(200);
  });
});

describe.each([
  ['once', Scope.DEFAULT],
  ['for each request', Scope.REQUEST],
])('Where a constructor that is called %s binds a method', (_often, scope) => {
  @Controller({ path: 'bound', scope })
  class BindingController {
    constructor() {
      this.remove = this.remove.bind(this);
    }
    @Get('remove') @Authorize({ roles: ['admin'] }) remove(): void {}
  }
  const fixture = useApp({ controllers: [BindingController] });

  it('asks for what was required of the method, though Nest sees no guard', async () => {
    expect(await status(fixture, '/bound/remove')).toBe(401);
    expect(await status(fixture, '/bound/remove', { roles: ['clerk'] })).toBe(403);
    expect(await status(fixture, '/bound/remove', { roles: ['admin'] })).toBe(200);
  });
});

describe.each([
  ['a function of its own', (): void => {}],
  ['what it made of the open one', null],
])('Where a constructor puts one function in the place of two methods: %s', (_what, given) => {
  @Controller('both')
  class BothController {
    constructor() {
      const both = given ?? this.open.bind(this);
      this.open = both;
      this.remove = both;
    }
    @Get('open') @Public() open(): void {}
    @Get('remove') @Authorize({ roles: ['admin'] }) remove(): void {}
  }
  const fixture = useApp({ controllers: [BothController] });

  it('asks for what is required of either', async () => {
    for (const path of ['/both/open', '/both/remove']) {
      expect([path, await status(fixture, path)]).toEqual([path, 401]);
      expect([path, await status(fixture, path, { roles: ['clerk'] })]).toEqual([path, 403]);
      expect([path, await status(fixture, path, { roles: ['admin'] })]).toEqual([path, 200]);
    }
  });
});

describe('Where a class decorator below @Authorize() has put another class in the place of its own', () => {
  const Proxied = ((type: Type) => new Proxy(type, {})) as ClassDecorator;
  @Controller('proxied')
  @Authorize({ roles: ['admin'] })
  @Proxied
  class ProxiedController {
    @Get('list') list(): void {}
  }
  const fixture = useApp({ controllers: [ProxiedController] });

  it('asks for all that is required of the class', async () => {
    expect(await status(fixture, '/proxied/list')).toBe(401);
    expect(await status(fixture, '/proxied/list', { roles: ['clerk'] })).toBe(403);
    expect(await status(fixture, '/proxied/list', { roles: ['admin'] })).toBe(200);
  });
});
