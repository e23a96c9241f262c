import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Session, type SessionModuleOptions } from 'nestjs-mikro-session';
import { useMovedApp } from '../../support/old-app.js';

@Controller('who')
class WhoController {
  @Get() get(@Session('userId') userId: string | null): string {
    return String(userId);
  }
  @Post() post(@Session('userId') userId: string | null): string {
    return String(userId);
  }
}

const FORM = [
  'POST',
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
] as const;
const LINK = ['GET', FORM[1]] as const;
const FRAME = ['GET', { ...FORM[1], 'sec-fetch-dest': 'iframe' }] as const;
const IMAGE = [
  'GET',
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
] as const;
const SIBLING = ['POST', { ...FORM[1], 'sec-fetch-site': 'same-site' }] as const;

type SameSite = NonNullable<NonNullable<SessionModuleOptions['cookie']>['sameSite']>;

describe.each<[SameSite, readonly string[]]>([
  ['strict', ['same-site POST']],
  ['lax', ['cross-site GET document', 'same-site POST']],
  [
    'none',
    ['cross-site POST', 'cross-site GET document', 'cross-site GET iframe', 'cross-site GET image', 'same-site POST'],
  ],
])('the cookie of express-session, where ours is SameSite=%s', (sameSite, taken) => {
  const fixture = useMovedApp({
    controllers: [WhoController],
    options: { cookie: { sameSite, ...(sameSite === 'none' && { secure: true }) } },
  });

  it('is taken of pages of other sites as ours would be, and stays where it is not', async () => {
    const seen: string[] = [];
    for (const [name, [method, headers]] of Object.entries({
      'cross-site POST': FORM,
      'cross-site GET document': LINK,
      'cross-site GET iframe': FRAME,
      'cross-site GET image': IMAGE,
      'same-site POST': SIBLING,
    })) {
      const browser = await fixture.old.signedIn('ada');
      const cookie = await browser.cookie();
      const { text } = await fixture.app.client().request(method, '/who', undefined, { ...headers, cookie });
      if (text === 'ada') seen.push(name);
      const { text: own } = await fixture.app.client().get('/who', { 'sec-fetch-site': 'same-origin', cookie });
      expect([name, own]).toEqual([name, 'ada']);
    }
    expect(seen).toEqual(taken);
  });

  it('is taken by the origin where browsers say no more, as over plain HTTP', async () => {
    const { old, app } = fixture;
    const taking = async (headers: Record<string, string>) => {
      const cookie = await (await old.signedIn('bob')).cookie();
      return (await app.client().post('/who', undefined, { ...headers, cookie })).text === 'bob';
    };
    expect([
      await taking({}),
      await taking({ origin: app.url }),
      await taking({ origin: 'https://shop.example', 'x-forwarded-host': 'shop.example' }),
      await taking({ origin: 'https://evil.example' }),
      await taking({ origin: 'null' }),
    ]).toEqual([true, true, true, sameSite === 'none', sameSite === 'none']);
  });
});
