import { expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import i18next from 'i18next';
import { handle, LanguageDetector } from 'i18next-http-middleware';
import { describeOnBoth } from '../../support/both-sessions.js';

@Controller()
class GreetingController {
  @Get() greet(@Req() request: Request, @Res() response: Response): void {
    response.json(request.t('greeting'));
  }

  @Post('language') change(@Req() request: Request, @Res() response: Response): void {
    void request.i18n.changeLanguage('it', () => response.json(request.t('greeting')));
  }

  @Post('login') login(@Req() request: Request, @Res() response: Response): void {
    const { language } = request.session as { language?: string };
    request.session.regenerate(() => {
      Object.assign(request.session, { language });
      response.json(request.t('greeting'));
    });
  }
}

describeOnBoth(
  'i18next-http-middleware',
  {
    controllers: [GreetingController],
    mount: async (app) => {
      const translations = i18next.createInstance();
      await translations.use(LanguageDetector).init({
        fallbackLng: 'en',
        preload: ['en', 'de', 'it'],
        resources: {
          en: { translation: { greeting: 'Good morning' } },
          de: { translation: { greeting: 'Guten Morgen' } },
          it: { translation: { greeting: 'Buongiorno' } },
        },
        detection: { order: ['querystring', 'session', 'header'], caches: ['session'], lookupSession: 'language' },
      });
      app.use(handle(translations));
    },
  },
  (fixture) => {
    it('keeps the language that was asked for', async () => {
      const client = fixture.app.client();
      const texts: unknown[] = [];
      for (const path of ['/', '/?lng=de', '/', '/']) texts.push((await client.get(path)).json);
      expect(texts).toEqual(['Good morning', 'Guten Morgen', 'Guten Morgen', 'Guten Morgen']);
      expect((await fixture.app.client().get('/')).json).toBe('Good morning');
    });

    it('keeps the language that a handler changes to', async () => {
      const client = fixture.app.client();
      await client.get('/?lng=de');
      expect((await client.post('/language')).json).toBe('Buongiorno');
      expect((await client.get('/')).json).toBe('Buongiorno');
    });

    it('keeps it across a login that takes it along', async () => {
      const client = fixture.app.client();
      await client.get('/?lng=de');
      const before = await client.cookie();
      expect((await client.post('/login')).json).toBe('Guten Morgen');
      expect(await client.cookie()).not.toBe(before);
      expect((await client.get('/')).json).toBe('Guten Morgen');
    });

    it('believes what the browser prefers only until something is kept', async () => {
      const client = fixture.app.client();
      expect((await client.get('/', { 'accept-language': 'it' })).json).toBe('Buongiorno');
      expect((await client.get('/', { 'accept-language': 'de' })).json).toBe('Buongiorno');
    });
  },
);
