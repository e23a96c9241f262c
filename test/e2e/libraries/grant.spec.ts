import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import grant from 'grant';
import { describeOnBoth } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';
import { CLIENT_ID, CLIENT_SECRET, useOAuth2Provider } from '../../support/oauth2-provider.js';

const provider = useOAuth2Provider();

/** What grant keeps in the session. */
interface Granted {
  session: { grant?: { provider?: string; response?: { error?: string; raw?: { user: string } } } };
}

@Controller()
class AccountController {
  @Post('cart') fill(@Req() request: Request, @Res() response: Response): void {
    Object.assign(request.session, { cart: ['book'] });
    response.json({});
  }

  /** Where grant sends the browser in the end. */
  @Get('granted') granted(@Req() request: Request, @Res() response: Response): void {
    const { session } = request as unknown as Granted;
    response.json(session.grant?.response ?? null);
  }

  /** The same, with a session of its own for who is signed in now. */
  @Get('signed-in') signedIn(@Req() request: Request, @Res() response: Response): void {
    const { session } = request as unknown as Granted;
    const user = session.grant?.response?.raw?.user;
    request.session.regenerate(() => {
      Object.assign(request.session, { user });
      request.session.save(() => response.redirect('/data'));
    });
  }

  @Get('data') data(@Req() request: Request, @Res() response: Response): void {
    const { cookie: _, ...data } = request.session;
    response.json(data);
  }
}

describeOnBoth(
  'grant',
  {
    controllers: [AccountController],
    mount: (app) => {
      const server = {
        authorize_url: provider.authorizeUrl,
        access_url: provider.tokenUrl,
        oauth: 2 as const,
        key: CLIENT_ID,
        secret: CLIENT_SECRET,
      };
      // The provider knows the application by this origin; the test's browser goes to where it is.
      const defaults = { origin: 'http://application.example', transport: 'session', state: true, pkce: true } as const;
      app.use(
        grant.default.express({
          defaults,
          loopback: { ...server, callback: '/granted' },
          signing: { ...server, callback: '/signed-in' },
        }),
      );
    },
  },
  (fixture) => {
    const visitor = async () => {
      const client = fixture.app.client();
      await client.post('/cart');
      return client;
    };
    const redirected = async (client: Client, path: string) => {
      const { status, headers, text } = await client.get(path);
      if (status !== 302) throw new Error(`${path} was answered ${status}: ${text}`);
      return headers.get('location') as string;
    };
    const begin = async (client: Client, name = 'loopback') =>
      provider.visit(await redirected(client, `/connect/${name}`));
    const granted = async (client: Client) => (await client.get('/granted')).json;
    const token = { access_token: expect.any(String), raw: expect.objectContaining({ user: 'ada' }) };

    it('gets a token, whether there was a session before or not', async () => {
      for (const client of [fixture.app.client(), await visitor()]) {
        expect(await redirected(client, await begin(client))).toBe('/granted');
        expect(await granted(client)).toEqual(token);
      }
    });

    it('leaves what the visitor had', async () => {
      const client = await visitor();
      await redirected(client, await begin(client));
      expect((await client.get('/data')).json).toMatchObject({ cart: ['book'] });
    });

    it('hands over to an application that starts a session for who has signed in', async () => {
      const client = await visitor();
      expect(await redirected(client, await begin(client, 'signing'))).toBe('/signed-in');
      const before = await client.cookie();
      expect(await redirected(client, '/signed-in')).toBe('/data');
      expect((await client.get('/data')).json).toEqual({ user: 'ada' });
      expect((await fixture.app.client().get('/data', { cookie: before })).json).toEqual({});
    });

    it('refuses the link of another visitor', async () => {
      const path = await begin(await visitor());
      const victim = await visitor();
      await begin(victim);
      expect(await redirected(victim, path)).toBe('/granted');
      expect(await granted(victim)).toEqual({ error: 'Grant: OAuth2 state mismatch' });
    });

    // grant keeps one flow in a session, whichever provider it goes to.
    describe('in two tabs', () => {
      it('lets the later one in, and not the earlier one', async () => {
        const client = await visitor();
        const [earlier, later] = [await begin(client), await begin(client)];
        await redirected(client, earlier);
        expect(await granted(client)).toEqual({ error: 'Grant: OAuth2 state mismatch' });
        await redirected(client, later);
        expect(await granted(client)).toEqual(token);
      });

      it('lets one in of two that left at the same time', async () => {
        const client = await visitor();
        const paths = await Promise.all([begin(client), begin(client)]);
        const outcomes: unknown[] = [];
        for (const path of paths) {
          await redirected(client, path);
          outcomes.push(await granted(client));
        }
        expect(outcomes).toHaveLength(2);
        expect(outcomes).toEqual(expect.arrayContaining([token, { error: 'Grant: OAuth2 state mismatch' }]));
      });
    });
  },
);
