import { readFile } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import flash from 'express-flash';
import type { Request, Response } from 'express';
import { describeOnBoth } from '../../support/both-sessions.js';

const VIEWS = join(import.meta.dirname, '../../support/views');

@Controller()
class OrderController {
  @Post('order') order(@Req() request: Request, @Res() response: Response): void {
    request.flash('info', 'Ordered.');
    request.flash('info', 'Thank you.');
    response.redirect('/orders');
  }

  @Post('order-in-a-new-session') orderAnew(@Req() request: Request, @Res() response: Response): void {
    request.session.regenerate(() => {
      request.flash('info', 'Ordered.');
      request.session.save(() => response.redirect('/orders'));
    });
  }

  @Get('orders') orders(@Res() response: Response): void {
    response.render('messages.text');
  }
}

/** A template engine as Express's documentation has one written. */
function render(path: string, options: object, done: (error: unknown, text?: string) => void): void {
  const { messages } = options as { messages: unknown };
  readFile(path, 'utf8', (error, template) =>
    error ? done(error) : done(null, template.replace('{{messages}}', JSON.stringify(messages))),
  );
}

describeOnBoth(
  'express-flash',
  {
    controllers: [OrderController],
    mount: (app) => {
      app.engine('text', render);
      app.setBaseViewsDir(VIEWS);
      app.use(flash());
    },
  },
  (fixture) => {
    it('shows messages once, in the view that is rendered next', async () => {
      const client = fixture.app.client();
      expect((await client.get('/orders')).text).toBe('{}\n');
      await client.post('/order');
      await client.post('/order');
      expect((await client.get('/orders')).text).toContain(
        '{"info":["Ordered.","Thank you.","Ordered.","Thank you."]}',
      );
      expect((await client.get('/orders')).text).toBe('{}\n');
    });

    it('shows the messages to no other visitor', async () => {
      await fixture.app.client().post('/order');
      expect((await fixture.app.client().get('/orders')).text).toBe('{}\n');
    });

    it('shows those of the session that regenerate() began, and no older ones', async () => {
      const client = fixture.app.client();
      await client.post('/order');
      await client.post('/order-in-a-new-session');
      expect((await client.get('/orders')).text).toContain('{"info":["Ordered."]}');
    });
  },
);
