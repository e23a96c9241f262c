import { readFileSync } from 'node:fs';
import {
  type CanActivate,
  Controller,
  Delete,
  Post,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type ModuleMetadata,
  SetMetadata,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import {
  Authorize,
  type AuthSnapshot,
  MemorySessionStore,
  Public,
  SessionConfigurationError,
  SessionGuard,
  SessionModule,
  SessionRenewal,
  SkipSession,
} from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';

@Public()
@Controller('blog')
class BlogController {
  @Get() list(): void {}
  @Authorize({ roles: ['admin'] }) @Delete('authorize') remove(): void {}
  @UseGuards(SessionGuard) @Get('guard') drafts(): void {}
}

@Controller('stacked')
class StackedController {
  @Authorize({ within: '10m' }) @Authorize({ roles: ['admin'] }) @Get('recent-first') recentFirst(): void {}
  @Authorize({ roles: ['admin'] }) @Authorize({ within: '10m' }) @Get('role-first') roleFirst(): void {}
  @Get('example')
  @UseGuards(SessionGuard)
  @Authorize({ roles: ['editor', 'admin'] })
  @Authorize({ permissions: ['article.edit'] })
  @Authorize({ within: '10m' })
  @SessionRenewal(false)
  example(): void {}
  @Get('skipped')
  @UseGuards(SessionGuard)
  @Authorize({ roles: ['editor', 'admin'] })
  @Authorize({ permissions: ['article.edit'] })
  @Authorize({ within: '10m' })
  @SessionRenewal(false)
  @SkipSession()
  skipped(): void {}
}

@Authorize({ roles: ['editor'] })
@Authorize({ permissions: ['article.edit'] })
class EditorsController {
  @Get('inherited') inherited(): void {}
  @Get('anew') @Public() anew(): void {}
  @Authorize({ roles: ['admin'] }) @Get('overridden') overridden(): void {}
  @Public() @Get('open') open(): void {}
}

@Authorize({ within: '10m' })
@Controller('articles')
class ArticlesController extends EditorsController {
  @Get('overridden') override overridden(): void {}
  @Get('open') override open(): void {}
  @Public() @Get('excepted') excepted(): void {}
}

class CommentsBase {
  @Authorize({ roles: ['admin'] }) remove(): void {}
}

/** No guard stands before its handlers. */
@Controller('comments')
class CommentsController extends CommentsBase {
  @Get('remove') override remove(): void {}
}

@Controller('pages')
@Public()
class PagesController extends CommentsBase {
  @Get('remove') override remove(): void {}
}

/** A guard of an application's own. */
@Injectable()
class EvenStricterGuard extends SessionGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    return super.canActivate(context);
  }
}

@Public()
@Controller('strict')
class StrictController {
  @UseGuards(EvenStricterGuard) @Get('subclass') subclass(): void {}
}

class PassGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@UseGuards(SessionGuard)
class GuardedBase {}

/** What `@UseGuards()` leaves on this class has the guard of the base class in it. */
@Public()
@UseGuards(PassGuard)
@Controller('lobby')
class LobbyController extends GuardedBase {
  @Get() lobby(): void {}
}

describe('What decorators say about access', () => {
  const fixture = useApp({
    controllers: [
      BlogController,
      StackedController,
      ArticlesController,
      CommentsController,
      PagesController,
      StrictController,
      LobbyController,
    ],
  });
  const status = async (path: string, auth: AuthSnapshot | null, { isStale = false, method = 'GET' } = {}) => {
    if (auth === null) return (await fixture.app.client().request(method, path)).status;
    const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada', auth });
    if (isStale) {
      const age = `update sessions set authenticated_at = authenticated_at - interval '1 h' where id = $1`;
      await fixture.database.query(age, [session.id]);
    }
    return (await fixture.app.client().request(method, path, undefined, { cookie })).status;
  };
  const reader = { roles: ['reader'] };
  const admin = { roles: ['admin'] };
  const editor = { roles: ['editor'], permissions: ['article.edit'] };

  it('keeps @Authorize() and SessionGuard of a handler in force where the controller is @Public()', async () => {
    const remove = (auth: AuthSnapshot | null) => status('/blog/authorize', auth, { method: 'DELETE' });
    expect([await remove(null), await remove(reader), await remove(admin)]).toEqual([401, 403, 200]);
    expect([await status('/blog/guard', null), await status('/blog/guard', reader)]).toEqual([401, 200]);
    expect(await status('/blog', null)).toBe(200);
  });

  it('counts a guard that extends SessionGuard as one', async () => {
    expect(await status('/strict/subclass', null)).toBe(401);
    expect(await status('/strict/subclass', reader)).toBe(200);
  });

  it('adds up several @Authorize() on one handler, in whichever order', async () => {
    for (const path of ['/stacked/recent-first', '/stacked/role-first']) {
      expect(await status(path, admin)).toBe(200);
      expect(await status(path, reader)).toBe(403);
      expect(await status(path, admin, { isStale: true })).toBe(401);
    }
  });

  it('tells who lacks a role before it asks for another login, in whichever order', async () => {
    for (const path of ['/stacked/recent-first', '/stacked/role-first']) {
      expect(await status(path, reader, { isStale: true })).toBe(403);
    }
  });

  it('asks on a route with all of the README’s examples for all that they ask for', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const [, examples] = /## Guarding routes\n\n```ts\n(.*?)\n```/s.exec(readme) as unknown as [string, string];
    const own = readFileSync(new URL(import.meta.url), 'utf8');
    const decorators = [...examples.matchAll(/^@\w+\('\w+'\) (@.*\)) \w+\(\) \{\}/gm)].map(([, one]) => `  ${one}\n`);
    expect(decorators).toHaveLength(6);
    expect(own).toContain(decorators.join(''));

    expect(await status('/stacked/example', editor)).toBe(200);
    expect(await status('/stacked/example', null)).toBe(401);
    expect(await status('/stacked/example', reader)).toBe(403);
    expect(await status('/stacked/example', admin)).toBe(403);
    expect(await status('/stacked/example', { permissions: ['article.edit'] })).toBe(403);
    expect(await status('/stacked/example', editor, { isStale: true })).toBe(401);
    expect(await status('/stacked/skipped', editor)).toBe(401);
  });

  it('adds up what a class and its base class ask for', async () => {
    expect(await status('/articles/inherited', editor)).toBe(200);
    expect(await status('/articles/inherited', editor, { isStale: true })).toBe(401);
    expect(await status('/articles/inherited', { roles: ['editor'] })).toBe(403);
    expect(await status('/articles/inherited', { permissions: ['article.edit'] })).toBe(403);
  });

  it('asks for what an overridden method asks for, besides', async () => {
    expect(await status('/articles/overridden', editor)).toBe(403);
    expect(await status('/articles/overridden', { ...editor, roles: ['editor', 'admin'] })).toBe(200);
  });

  it('asks for it where no guard stands before the method that overrides', async () => {
    for (const path of ['/comments/remove', '/pages/remove']) {
      expect([await status(path, null), await status(path, reader), await status(path, admin)]).toEqual([
        401, 403, 200,
      ]);
    }
  });

  it('lets every visitor in with @Public() on a handler, whatever its class and base classes ask for', async () => {
    expect(await status('/articles/excepted', null)).toBe(200);
  });

  it('does not carry @Public() over to a method that overrides, nor past a subclass that asks for more', async () => {
    expect(await status('/articles/open', null)).toBe(401);
    expect(await status('/articles/anew', null)).toBe(401);
    expect(await status('/articles/anew', {})).toBe(200);
  });

  it('lets every visitor in with @Public() on a class, whatever guard its base class has', async () => {
    expect(await status('/lobby', null)).toBe(200);
  });
});

/** Starts an application with some controllers, or providers. */
const start = async (metadata: Pick<ModuleMetadata, 'controllers' | 'providers'>) => {
  @Module(metadata)
  class FeatureModule {}
  const session = SessionModule.forRoot({ store: MemorySessionStore });
  const module = await Test.createTestingModule({ imports: [session, FeatureModule] }).compile();
  const app = module.createNestApplication({ logger: false });
  try {
    await app.init();
  } finally {
    await app.close();
  }
};

describe('@Public() beside a requirement', () => {
  const sentence = (where: string) =>
    expect.objectContaining({
      constructor: SessionConfigurationError,
      message: expect.stringMatching(
        new RegExp(
          `^On ${where}, @Public\\(\\) stands beside @Authorize\\(\\) or @UseGuards\\(SessionGuard\\): .* Fix: `,
        ),
      ),
    });

  @Controller()
  class AuthorizedHandler {
    @Public() @Authorize() @Get() list(): void {}
  }
  @Controller()
  class GuardedHandler {
    @UseGuards(PassGuard, SessionGuard) @Public() @Get() list(): void {}
  }
  @Controller()
  class SubclassHandler {
    @UseGuards(EvenStricterGuard) @Public() @Get() list(): void {}
  }
  @Controller()
  class InstanceHandler {
    @UseGuards(new SessionGuard()) @Public() @Get() list(): void {}
  }
  @Controller()
  class InheritingController extends AuthorizedHandler {}
  @Controller()
  class OverridingController extends AuthorizedHandler {
    @Get() override list(): void {}
  }

  it.each<{ where: string; controller: Type }>([
    { where: 'AuthorizedHandler', controller: AuthorizedHandler },
    { where: 'GuardedHandler', controller: GuardedHandler },
    { where: 'SubclassHandler', controller: SubclassHandler },
    { where: 'InstanceHandler', controller: InstanceHandler },
    { where: 'AuthorizedHandler', controller: InheritingController },
    { where: 'AuthorizedHandler', controller: OverridingController },
  ])('on a handler is refused at start: $where’s, in $controller.name', async ({ where, controller }) => {
    await expect(start({ controllers: [controller] })).rejects.toEqual(sentence(`${where}\\.list\\(\\)`));
  });

  @Controller()
  @Public()
  @Authorize({ roles: ['admin'] })
  class AuthorizedClass {}
  @Controller()
  @UseGuards(SessionGuard)
  @Public()
  class GuardedClass {}
  @Controller()
  class DerivedClass extends GuardedClass {}
  @Controller()
  @Public()
  @UseGuards(SessionGuard)
  class AnewClass extends GuardedBase {}

  it.each<{ where: string; controller: Type }>([
    { where: 'AuthorizedClass', controller: AuthorizedClass },
    { where: 'GuardedClass', controller: GuardedClass },
    { where: 'GuardedClass', controller: DerivedClass },
    { where: 'AnewClass', controller: AnewClass },
  ])('on a class is refused at start: $where, for $controller.name', async ({ where, controller }) => {
    await expect(start({ controllers: [controller] })).rejects.toEqual(sentence(`the class ${where}`));
  });

  it('is refused at start in gateways and resolvers, made by a factory or not', async () => {
    @WebSocketGateway()
    class Gateway {
      @Public() @Authorize() @SubscribeMessage('list') list(): void {}
    }
    @Resolver()
    class ListResolver {
      @Public() @Authorize() @Query(() => String) list(): void {}
    }
    const made = { provide: 'LIST', useFactory: () => new ListResolver() };
    await expect(start({ providers: [Gateway] })).rejects.toEqual(sentence('Gateway\\.list\\(\\)'));
    await expect(start({ providers: [ListResolver] })).rejects.toEqual(sentence('ListResolver\\.list\\(\\)'));
    await expect(start({ providers: [made] })).rejects.toEqual(sentence('ListResolver\\.list\\(\\)'));
  });

  it('is no contradiction where other guards stand there, or the requirement is further away or nearer', async () => {
    @Controller()
    @Public()
    @UseGuards(PassGuard)
    @SetMetadata('other', true)
    class FineController extends GuardedBase {
      @Public() @SkipSession() @UseGuards(PassGuard) @Get('a') a(): void {}
      @Authorize() @Get('b') b(): void {}
    }
    await expect(start({ controllers: [FineController] })).resolves.toBeUndefined();
  });
});

/** As MikroORM's `@Transactional()` does, and what else wraps a method: without what is noted on the function. */
function Wrapped(): MethodDecorator {
  return (_target, _key, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function wrapped(this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    };
  };
}

describe('@Authorize() below a decorator that puts another function in the place of the method', () => {
  const refused = (where: string) =>
    expect.objectContaining({
      constructor: SessionConfigurationError,
      message: `On ${where}, a decorator above @Authorize() has put another function in the place of the method, and nothing guards that. Fix: move @Authorize() above it.`,
    });

  it('is refused at start, on controllers, gateways and resolvers, and on what they inherit', async () => {
    @Controller()
    class OpenController {
      @Post() @Wrapped() @Authorize({ roles: ['admin'] }) remove(): void {}
    }
    @Controller()
    class InheritingController extends OpenController {}
    @Controller()
    class HalfController {
      @Post() @Authorize() @Wrapped() @Authorize({ roles: ['admin'] }) remove(): void {}
    }
    @WebSocketGateway()
    class Gateway {
      @SubscribeMessage('remove') @Wrapped() @Authorize() remove(): void {}
    }
    @Resolver()
    class RemovingResolver {
      @Query(() => String) @Wrapped() @Authorize() remove(): void {}
    }
    for (const controller of [OpenController, InheritingController]) {
      await expect(start({ controllers: [controller] })).rejects.toEqual(refused('OpenController.remove()'));
    }
    await expect(start({ controllers: [HalfController] })).rejects.toEqual(refused('HalfController.remove()'));
    await expect(start({ providers: [Gateway] })).rejects.toEqual(refused('Gateway.remove()'));
    await expect(start({ providers: [RemovingResolver] })).rejects.toEqual(refused('RemovingResolver.remove()'));
  });

  it('is fine above it, below one that keeps what is noted, and on a method that a subclass overrides', async () => {
    const Keeping = (): MethodDecorator => (target, key, descriptor: PropertyDescriptor) => {
      const method = descriptor.value as object;
      Wrapped()(target, key, descriptor);
      for (const name of Reflect.getMetadataKeys(method) as string[]) {
        Reflect.defineMetadata(name, Reflect.getMetadata(name, method), descriptor.value as object);
      }
    };
    @Controller()
    class FineController {
      @Authorize({ roles: ['admin'] }) @Post() @Wrapped() above(): void {}
      @Post('kept') @Keeping() @Authorize({ roles: ['admin'] }) kept(): void {}
      @Post('twice') @Authorize() @Authorize({ roles: ['admin'] }) twice(): void {}
    }
    @Controller('sub')
    class OverridingController extends FineController {
      @Post() override above(): void {}
    }
    await expect(start({ controllers: [FineController, OverridingController] })).resolves.toBeUndefined();
  });
});

describe('@Authorize() below a decorator that puts another class in the place of its own', () => {
  const refused = (name: string) =>
    expect.objectContaining({
      constructor: SessionConfigurationError,
      message: `On the class ${name}, a decorator above @Authorize() or @UseGuards(SessionGuard) has put another class in its place, and nothing guards that. Fix: move @Authorize() or @UseGuards(SessionGuard) above it.`,
    });
  type Class = new (...args: unknown[]) => object;
  const decorating = (replace: (type: Class) => Class) => replace as unknown as ClassDecorator;
  const Proxied = () => decorating((type) => new Proxy(type, {}));
  const Copied = () =>
    decorating((type) => {
      const made = function made(...args: unknown[]): object {
        return Reflect.construct(type, args, new.target ?? type) as object;
      };
      made.prototype = type.prototype as object;
      return made as unknown as Class;
    });

  it('is refused at start, on controllers and gateways, and on their base classes', async () => {
    @Controller()
    @Proxied()
    @Authorize({ roles: ['admin'] })
    class ProxiedController {}
    @Controller()
    @Copied()
    @Authorize()
    class CopiedController {}
    @Controller()
    @Authorize()
    @Proxied()
    @Authorize({ roles: ['admin'] })
    class HalfController {}
    @Controller()
    class InheritingController extends ProxiedController {}
    @WebSocketGateway()
    @Proxied()
    @Authorize()
    class ProxiedGateway {}
    for (const controller of [ProxiedController, InheritingController]) {
      await expect(start({ controllers: [controller] })).rejects.toEqual(refused('ProxiedController'));
    }
    await expect(start({ controllers: [CopiedController] })).rejects.toEqual(refused('CopiedController'));
    await expect(start({ controllers: [HalfController] })).rejects.toEqual(refused('HalfController'));
    await expect(start({ providers: [ProxiedGateway] })).rejects.toEqual(refused('ProxiedGateway'));
  });

  it('is refused with @UseGuards(SessionGuard) in its place, which may stand above it as well', async () => {
    class OwnGuard extends SessionGuard {}
    @Controller()
    @Proxied()
    @UseGuards(SessionGuard)
    class ProxiedController {}
    @Controller()
    @Copied()
    @UseGuards(OwnGuard)
    class CopiedController {}
    @Controller()
    class InheritingController extends ProxiedController {}
    @Controller()
    @UseGuards(SessionGuard)
    @Proxied()
    @UseGuards(SessionGuard)
    class TwiceController {}
    for (const controller of [ProxiedController, InheritingController]) {
      await expect(start({ controllers: [controller] })).rejects.toEqual(refused('ProxiedController'));
    }
    await expect(start({ controllers: [CopiedController] })).rejects.toEqual(refused('CopiedController'));
    await expect(start({ controllers: [TwiceController] })).resolves.toBeUndefined();
  });

  it('is fine above it, and below one that gives a subclass', async () => {
    @Controller()
    @Authorize({ roles: ['admin'] })
    @Proxied()
    class AboveController {}
    @Controller()
    @decorating((type) => class extends type {})
    @Authorize({ roles: ['admin'] })
    class ExtendedController {}
    await expect(start({ controllers: [AboveController, ExtendedController] })).resolves.toBeUndefined();
  });
});
