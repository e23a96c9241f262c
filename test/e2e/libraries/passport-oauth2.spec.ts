import { expect, it } from '@jest/globals';
import { Controller, Get, Next, Param, Post, Req, Res } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Application, NextFunction, Request, Response } from 'express';
import passport from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import { describeOnBoth } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';
import { CLIENT_ID, CLIENT_SECRET, useOAuth2Provider } from '../../support/oauth2-provider.js';

const provider = useOAuth2Provider();

const authenticator = new passport.Passport();
authenticator.serializeUser((user, done) => done(null, user));
authenticator.deserializeUser((user: Express.User, done) => done(null, user));

/** What passport keeps its state under, one for each provider that a user has. */
const KEYS = { express: 'oauth2:express', alone: 'oauth2:alone', first: 'oauth2:first', second: 'oauth2:second' };
type Name = keyof typeof KEYS;

@Controller('auth/:name')
class AuthController {
  @Get() begin(
    @Param('name') name: Name,
    @Req() request: Request,
    @Res() response: Response,
    @Next() next: NextFunction,
  ): void {
    authenticator.authenticate(name)(request, response, next);
  }

  @Get('callback') finish(
    @Param('name') name: Name,
    @Req() request: Request,
    @Res() response: Response,
    @Next() next: NextFunction,
  ): void {
    const options = { failureRedirect: '/login', keepSessionInfo: name !== 'alone' };
    const done = (error: unknown): void => (error ? next(error) : response.redirect('/account'));
    authenticator.authenticate(name, options)(request, response, done);
  }
}

@Controller()
class AccountController {
  @Post('cart') fill(@Req() request: Request, @Res() response: Response): void {
    Object.assign(request.session, { cart: ['book'] });
    response.json({});
  }

  @Get('account') account(@Req() request: Request, @Res() response: Response): void {
    response.json(request.user ?? null);
  }

  @Get('data') data(@Req() request: Request, @Res() response: Response): void {
    response.json(request.session);
  }
}

function mount(app: NestExpressApplication): void {
  for (const [name, sessionKey] of Object.entries(KEYS)) {
    authenticator.use(
      name,
      new OAuth2Strategy(
        {
          authorizationURL: provider.authorizeUrl,
          tokenURL: provider.tokenUrl,
          clientID: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          callbackURL: `/auth/${name}/callback`,
          sessionKey,
          state: true,
          pkce: true,
        },
        (
          _access: string,
          _refresh: string,
          params: { user: string },
          _profile: object,
          done: OAuth2Strategy.VerifyCallback,
        ) => done(null, { name: params.user }),
      ),
    );
  }
  app.use(authenticator.session());
  // The README's way: routes of Express's own.
  const express = app.getHttpAdapter().getInstance() as Application;
  express.get('/auth/express', authenticator.authenticate('express'));
  express.get(
    '/auth/express/callback',
    authenticator.authenticate('express', { failureRedirect: '/login' }),
    (_: Request, response: Response) => response.redirect('/account'),
  );
}

describeOnBoth(
  'passport-oauth2, with state and PKCE',
  { controllers: [AuthController, AccountController], mount },
  (fixture, sessions) => {
    const account = async (client: Client) => (await client.get('/account')).json;
    const data = async (client: Client) => (await client.get('/data')).json as Record<string, any>;
    const visitor = async () => {
      const client = fixture.app.client();
      await client.post('/cart');
      return client;
    };
    /** A tab of a browser that goes to the provider, as far as to the path by which it is to come back. */
    const begin = async (client: Client, name: Name = 'alone', headers?: Record<string, string>) => {
      const reply = await client.get(`/auth/${name}`, headers);
      expect(reply.status).toBe(302);
      return provider.visit(reply.headers.get('location') ?? '');
    };
    /** Comes back, and tells where the application sends the browser. */
    const finish = async (client: Client, path: string) => (await client.get(path)).headers.get('location');
    const stateOf = (path: string) => new URLSearchParams(path.split('?')[1]).get('state');

    it.each(['alone', 'express'] as const)(
      'signs in by %s, whether there was a session before or not',
      async (name) => {
        for (const client of [fixture.app.client(), await visitor()]) {
          const path = await begin(client, name);
          const before = await client.cookie();
          expect(before).not.toBe('');
          expect(await finish(client, path)).toBe('/account');
          expect(await account(client)).toEqual({ name: 'ada' });
          expect(await client.cookie()).not.toBe(before);
          expect((await fixture.app.client().get('/account', { cookie: before })).json).toBeNull();
        }
      },
    );

    it('signs nobody in by the link of somebody else, who would be signed in there', async () => {
      const attacker = fixture.app.client();
      const path = await begin(attacker);
      for (const victim of [fixture.app.client(), await visitor()]) {
        expect(await finish(victim, path)).toBe('/login');
        expect(await account(victim)).toBeNull();
      }
      expect(await finish(attacker, path)).toBe('/account');
    });

    it('takes a link once', async () => {
      const client = await visitor();
      const path = await begin(client);
      expect([await finish(client, path), await finish(client, path)]).toEqual(['/account', '/login']);
    });

    // passport-oauth2 keeps one state for each provider, and drops it at the first link that comes back, right or wrong.
    describe('in two tabs', () => {
      it('lets the later one in, and not the earlier one', async () => {
        const client = await visitor();
        const [earlier, later] = [await begin(client), await begin(client)];
        expect([await finish(client, later), await finish(client, earlier)]).toEqual(['/account', '/login']);
        expect(await account(client)).toEqual({ name: 'ada' });
      });

      it('lets neither in when the earlier one comes back first', async () => {
        const client = await visitor();
        const [earlier, later] = [await begin(client), await begin(client)];
        expect([await finish(client, earlier), await finish(client, later)]).toEqual(['/login', '/login']);
        expect(await account(client)).toBeNull();
        expect(await data(client)).toMatchObject({ cart: ['book'] });
      });

      it('lets one in of two that left at the same time', async () => {
        const client = await visitor();
        const paths = await Promise.all([begin(client), begin(client)]);
        const { handle } = (await data(client))[KEYS.alone].state;
        const kept = paths.filter((path) => stateOf(path) === handle);
        expect(kept).toHaveLength(1);
        expect(await finish(client, kept[0] as string)).toBe('/account');
      });

      it('lets in the one whose cookie came last, of two that left without a session', async () => {
        const client = fixture.app.client();
        const [earlier, later] = [await begin(client), await begin(client, 'alone', { cookie: '' })];
        expect([await finish(client, later), await finish(client, earlier)]).toEqual(['/account', '/login']);
        expect(await account(client)).toEqual({ name: 'ada' });
      });

      it('lets both in that went to different providers, in either order, with keepSessionInfo', async () => {
        for (const order of [
          [0, 1],
          [1, 0],
        ]) {
          const client = await visitor();
          const paths = [await begin(client, 'first'), await begin(client, 'second')];
          for (const index of order) expect(await finish(client, paths[index] as string)).toBe('/account');
          expect(await data(client)).toMatchObject({ cart: ['book'], passport: { user: { name: 'ada' } } });
        }
      });

      // With express-session the request that ends later overwrites what the other has stored.
      if (sessions === 'nestjs-mikro-session') {
        it('lets both in that went to different providers at the same time, with keepSessionInfo', async () => {
          for (let trial = 0; trial < 10; trial++) {
            const client = await visitor();
            const paths = await Promise.all([begin(client, 'first'), begin(client, 'second')]);
            for (const path of paths) expect(await finish(client, path)).toBe('/account');
          }
        });
      }
    });
  },
);
