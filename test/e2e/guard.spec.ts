import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Req,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Public, Session, SessionGuard, SessionService, SkipSession } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { visit } from '../support/probe.js';

@Controller('route')
class RouteController {
  @Get('open') open(): string {
    return 'open';
  }
  @Get('closed') @UseGuards(SessionGuard) closed(@Session('userId') userId: string): string {
    return userId;
  }
}

@Controller('whole')
@UseGuards(SessionGuard)
class WholeController {
  @Get('closed') closed(@Session('avatar') avatar: { identity: string }): string {
    return avatar.identity;
  }
  @Get('public') @Public() open(@Session('userId') userId: string | null): string {
    return `public ${userId}`;
  }
  @Get('skipped') @SkipSession() skipped(): string {
    return 'skipped';
  }
  @Get('both') @Public() @SkipSession() both(): string {
    return 'both';
  }
}

/** A guard of an application's own. */
@Injectable()
class LimitGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.of(context);
    return session.increment('visits') <= 2;
  }
}

@Controller('limited')
class LimitedController {
  @Get() @UseGuards(LimitGuard) limited(@Session() session: Session, @Req() request: { session: Session }): unknown {
    return [session.get('visits'), request.session === session];
  }
}

/** A subclass that injects what it needs, and nothing of the library's. */
@Injectable()
class OpeningHoursGuard extends SessionGuard {
  constructor(@Inject('IS_OPEN') private readonly isOpen: boolean) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    return this.isOpen && super.canActivate(context);
  }
}

@Controller('hours')
class HoursController {
  @Get() @UseGuards(OpeningHoursGuard) hours(@Session('userId') userId: string): string {
    return userId;
  }
}

/** One that knows nothing of this library. */
class BetaGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<{ session: Session }>().session.get('beta') === true;
  }
}

@Controller('beta')
class BetaController {
  @Get() @UseGuards(BetaGuard) beta(): string {
    return 'beta';
  }
}

describe('SessionGuard', () => {
  const fixture = useApp({
    controllers: [HoursController, RouteController, WholeController, LimitedController, BetaController],
    providers: [{ provide: 'IS_OPEN', useValue: true }],
  });
  const signedIn = async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('alice'));
    return client;
  };

  it('answers 401 before a route when nobody is signed in', async () => {
    const client = fixture.app.client();
    const reply = await client.get('/route/closed');
    expect(reply).toMatchObject({
      status: 401,
      json: { statusCode: 401, message: 'Sign in to go on.' },
      setCookies: [],
    });
    await visit(client, (session) => session.set('anonymous', true));
    expect((await client.get('/route/closed')).status).toBe(401);
    expect((await client.get('/route/open')).status).toBe(200);
  });

  it('lets in whoever is signed in', async () => {
    const client = await signedIn();
    expect(await client.get('/route/closed')).toMatchObject({ status: 200, text: 'alice' });
    expect(await client.get('/whole/closed')).toMatchObject({ status: 200, text: 'alice' });
  });

  it('stands before all routes of a controller but those that are public', async () => {
    const client = fixture.app.client();
    expect((await client.get('/whole/closed')).status).toBe(401);
    expect(await client.get('/whole/public')).toMatchObject({ status: 200, text: 'public null' });
    expect((await client.get('/whole/skipped')).status).toBe(401);
    expect(await client.get('/whole/both')).toMatchObject({ status: 200, text: 'both' });
  });

  it('does not let in whoever was signed in until a moment ago', async () => {
    const client = await signedIn();
    await fixture.app.sessions.revokeAllForUser('alice');
    expect((await client.get('/route/closed')).status).toBe(401);
    const other = await signedIn();
    await visit(other, (session) => session.logout());
    expect((await other.get('/route/closed')).status).toBe(401);
    const idle = await signedIn();
    await fixture.database.query('update sessions set expires_at = clock_timestamp()');
    expect((await idle.get('/route/closed')).status).toBe(401);
  });

  it('shares the session with guards of the application’s own, which may write to it and refuse', async () => {
    const client = fixture.app.client();
    expect((await client.get('/limited')).json).toEqual([1, true]);
    expect((await client.get('/limited')).json).toEqual([2, true]);
    expect((await client.get('/limited')).status).toBe(403);
    expect((await visit(client, (session) => session.get('visits'))).text).toBe('3');
  });

  it('has its constructor left to subclasses', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    expect(await fixture.app.client().get('/hours', { cookie })).toMatchObject({ status: 200, text: 'ada' });
    expect((await fixture.app.client().get('/hours')).status).toBe(401);
  });

  it('is not needed for guards of controllers and routes to find the session in the request', async () => {
    const statusOf = async (data: Record<string, unknown>) => {
      const { cookie } = await fixture.app.sessions.create({ data });
      return (await fixture.app.client().get('/beta', { cookie })).status;
    };
    expect(await statusOf({ beta: true })).toBe(200);
    expect(await statusOf({})).toBe(403);
  });
});

describe('SessionGuard as APP_GUARD', () => {
  const fixture = useApp({
    controllers: [RouteController, WholeController],
    providers: [{ provide: APP_GUARD, useClass: SessionGuard }],
  });

  it('stands before every route but those that are public', async () => {
    const client = fixture.app.client();
    expect((await client.get('/route/open')).status).toBe(401);
    expect((await client.get('/whole/public')).status).toBe(200);
    const { cookie } = await fixture.app.sessions.create({ userId: 'alice' });
    expect((await client.get('/route/open', { cookie })).status).toBe(200);
  });
});
