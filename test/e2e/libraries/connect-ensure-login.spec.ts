import { expect, it } from '@jest/globals';
import { Controller, Get, Next, Post, Req, Res } from '@nestjs/common';
import { ensureLoggedIn, ensureLoggedOut } from 'connect-ensure-login';
import type { NextFunction, Request, Response } from 'express';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { describeOnBoth } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';

const authenticator = new passport.Passport();
authenticator.use(new Strategy((name, _password, done) => done(null, { name })));
authenticator.serializeUser((user, done) => done(null, user));
authenticator.deserializeUser((user: Express.User, done) => done(null, user));

@Controller()
class PagesController {
  @Get('settings/:page') settings(@Req() request: Request, @Res() response: Response): void {
    response.json(request.user);
  }

  @Get('login') form(@Req() request: Request, @Res() response: Response): void {
    response.json((request.session as { returnTo?: string }).returnTo ?? null);
  }

  /** Without keepSessionInfo: the page that was asked for is forgotten with the rest. */
  @Post('login') login(@Req() request: Request, @Res() response: Response, @Next() next: NextFunction): void {
    authenticator.authenticate('local', { successReturnToOrRedirect: '/' })(request, response, next);
  }

  @Post('login-and-return') loginAndReturn(
    @Req() request: Request,
    @Res() response: Response,
    @Next() next: NextFunction,
  ): void {
    const options = { successReturnToOrRedirect: '/', keepSessionInfo: true };
    authenticator.authenticate('local', options)(request, response, next);
  }
}

describeOnBoth(
  'connect-ensure-login',
  {
    controllers: [PagesController],
    mount: (app) => {
      app.use(authenticator.session());
      app.use('/settings', ensureLoggedIn('/login'));
      app.use('/login', ensureLoggedOut('/settings/main'));
    },
  },
  (fixture) => {
    const goTo = async (client: Client, path: string) => (await client.get(path)).headers.get('location');
    const login = async (client: Client, path: string) =>
      (await client.post(path, { username: 'ada', password: 'any' })).headers.get('location');

    it('sends to the login who is not signed in, and keeps the page that was asked for', async () => {
      const client = fixture.app.client();
      expect(await goTo(client, '/settings/mail?all=1')).toBe('/login');
      expect((await client.get('/login')).json).toBe('/settings/mail?all=1');
    });

    it('returns to that page after the login, once, and lets in', async () => {
      const client = fixture.app.client();
      await goTo(client, '/settings/mail?all=1');
      const before = await client.cookie();
      expect(await login(client, '/login-and-return')).toBe('/settings/mail?all=1');
      expect(await client.cookie()).not.toBe(before);
      expect((await client.get('/settings/mail?all=1')).json).toEqual({ name: 'ada' });
      expect(await goTo(client, '/login')).toBe('/settings/main');
      expect(await login(client, '/login-and-return')).toBe('/');
    });

    it('returns to the start where the login leaves nothing of what was there', async () => {
      const client = fixture.app.client();
      await goTo(client, '/settings/mail');
      expect(await login(client, '/login')).toBe('/');
      expect((await client.get('/settings/mail')).json).toEqual({ name: 'ada' });
    });
  },
);
