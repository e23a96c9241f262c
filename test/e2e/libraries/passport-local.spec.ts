import { expect, it } from '@jest/globals';
import { Controller, Get, Next, Post, Req, Res } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { describeOnBoth } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';

interface Account {
  id: string;
  name: string;
  joinedAt?: Date;
}

const ACCOUNTS: Record<string, Account> = {
  ada: { id: 'id-of-ada', name: 'ada' },
  bob: { id: 'id-of-bob', name: 'bob', joinedAt: new Date(0) },
};

const authenticator = new passport.Passport();
authenticator.use(
  new Strategy((name, password, done) => {
    if (password !== 'right') return done(null, false, { message: 'Wrong password.' });
    done(null, ACCOUNTS[name]);
  }),
);
// As passport's documentation shows it, for applications that keep what they show of a user in the session.
authenticator.serializeUser((user, done) => process.nextTick(() => done(null, user)));
authenticator.deserializeUser((user: Express.User, done) => process.nextTick(() => done(null, user)));

/** A handler answers by itself, and what it waits for comes in callbacks. */
@Controller()
class AccountController {
  @Post('login') login(@Req() request: Request, @Res() response: Response, @Next() next: NextFunction): void {
    const done = (error: unknown, user?: Express.User | false): void => {
      if (error) return next(error);
      if (!user) return response.redirect('/login');
      request.logIn(user, (failure) => (failure ? next(failure) : response.redirect('/account')));
    };
    authenticator.authenticate('local', done)(request, response, next);
  }

  @Post('logout') logout(@Req() request: Request, @Res() response: Response, @Next() next: NextFunction): void {
    request.logout((error) => (error ? next(error) : response.redirect('/')));
  }

  @Post('logout-and-note') logoutAndNote(@Req() request: Request, @Res() response: Response): void {
    request.logout(() => {
      Object.assign(request.session, { note: 'Bye.' });
      response.redirect('/');
    });
  }

  @Post('cart') fill(@Req() request: Request, @Res() response: Response): void {
    Object.assign(request.session, { cart: ['book'] });
    response.json({});
  }

  @Get('account') account(@Req() request: Request, @Res() response: Response): void {
    response.json(request.user ?? null);
  }

  @Get('data') data(@Req() request: Request, @Res() response: Response): void {
    const { cookie: _, ...data } = request.session;
    response.json(data);
  }
}

describeOnBoth(
  'passport-local, in callbacks',
  {
    controllers: [AccountController],
    mount: (app) => {
      app.use(authenticator.initialize());
      app.use(authenticator.session());
      // The README's way: routes of Express's own.
      const options = { failureRedirect: '/login', failureMessage: true };
      app.use('/express/login', authenticator.authenticate('local', options), (_: Request, response: Response) =>
        response.redirect('/account'),
      );
      app.use('/express/keep', authenticator.authenticate('local', { ...options, keepSessionInfo: true }), answered);
    },
  },
  (fixture) => {
    const { ada } = ACCOUNTS;
    const account = async (client: Client) => (await client.get('/account')).json;
    const data = async (client: Client) => (await client.get('/data')).json;
    const login = (client: Client, path = '/login', { username = 'ada', password = 'right' } = {}) =>
      client.post(path, { username, password });
    /** Somebody who has a session. */
    const visitor = async () => {
      const client = fixture.app.client();
      await client.post('/cart');
      return client;
    };
    const signedIn = async () => {
      const client = await visitor();
      await login(client, '/express/login');
      expect(await account(client)).toEqual(ada);
      return client;
    };

    it.each(['/login', '/express/login'])('signs in by %s, whether there was a session before or not', async (path) => {
      for (const client of [fixture.app.client(), await visitor()]) {
        const before = await client.cookie();
        const reply = await login(client, path);
        expect([reply.status, reply.headers.get('location')]).toEqual([302, '/account']);
        expect(await client.cookie()).not.toBe(before);
        expect(await account(client)).toEqual(ada);
        const old = fixture.app.client();
        expect((await old.get('/account', { cookie: before })).json).toBeNull();
      }
    });

    it('leaves nothing of what the visitor had, unless told to', async () => {
      const client = await visitor();
      await login(client);
      expect(await data(client)).toEqual({ passport: { user: ada } });
      const keeping = await visitor();
      await login(keeping, '/express/keep');
      expect(await data(keeping)).toEqual({ passport: { user: ada }, cart: ['book'] });
    });

    it('signs nobody in with a wrong password, and keeps the reason for the form', async () => {
      const client = await visitor();
      for (const path of ['/login', '/express/login']) {
        const reply = await login(client, path, { password: 'wrong' });
        expect([reply.status, reply.headers.get('location')]).toEqual([302, '/login']);
      }
      expect(await account(client)).toBeNull();
      expect(await data(client)).toEqual({ cart: ['book'], messages: ['Wrong password.'] });
    });

    it('signs out', async () => {
      const client = await signedIn();
      const cookie = await client.cookie();
      const reply = await client.post('/logout');
      expect([reply.status, reply.headers.get('location')]).toEqual([302, '/']);
      expect([await account(client), await data(client)]).toEqual([null, {}]);
      expect((await fixture.app.client().get('/account', { cookie })).json).toBeNull();
    });

    it('signs out, and keeps what comes after that', async () => {
      const client = await signedIn();
      await client.post('/logout-and-note');
      expect([await account(client), await data(client)]).toEqual([null, { note: 'Bye.' }]);
    });

    it('changes users, and keeps of one what JSON keeps', async () => {
      const client = await signedIn();
      await login(client, '/express/login', { username: 'bob' });
      const bob = { id: 'id-of-bob', name: 'bob', joinedAt: '1970-01-01T00:00:00.000Z' };
      expect(await account(client)).toEqual(bob);
      expect(await data(client)).toEqual({ passport: { user: bob } });
    });
  },
);

function answered(_: Request, response: Response): void {
  response.json({});
}
