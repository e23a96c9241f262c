import { describe, expect, it } from '@jest/globals';
import {
  Body,
  ClassSerializerInterceptor,
  Controller,
  DefaultValuePipe,
  Get,
  Injectable,
  ParseIntPipe,
  type PipeTransform,
  Post,
  UseInterceptors,
  ValidationPipe,
} from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsInt, Max } from 'class-validator';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';

class Quantity {
  @IsInt() @Max(9) @Type(() => Number) quantity!: number;
}

@Injectable()
class UserPipe implements PipeTransform<Session, string> {
  transform(session: Session): string {
    return `user ${session.userId}`;
  }
}

@Controller('pipes')
class PipesController {
  @Get() whole(@Session() session: Session): unknown {
    session.set('seen', true);
    return [session.userId, session.toJSON()];
  }
  @Post() beside(@Body() { quantity }: Quantity, @Session() session: Session): unknown {
    return session.set('quantity', quantity).toJSON();
  }
  @Get('member') member(@Session('userId', ParseIntPipe) userId: number): unknown {
    return { next: userId + 1 };
  }
  @Get('path') path(@Session('cart.count' as never, new DefaultValuePipe(7), ParseIntPipe) count: number): unknown {
    return { count };
  }
  @Get('session') session(@Session(UserPipe) user: string): unknown {
    return { user };
  }
  @Get('serialized') @UseInterceptors(ClassSerializerInterceptor) serialized(@Session() session: Session): Session {
    return session;
  }
}

describe.each(PLATFORMS)('On %s, @Session()', (platform) => {
  describe.each([{}, { validateCustomDecorators: true }, { validateCustomDecorators: true, transform: true }])(
    'with ValidationPipe(%j)',
    (options) => {
      const fixture = useApp({
        platform,
        controllers: [PipesController],
        prepare: (app) => void app.useGlobalPipes(new ValidationPipe(options)),
      });
      const signedIn = async (userId = '41') => {
        const client = fixture.app.client();
        await visit(client, (session) => session.login(userId));
        return client;
      };

      it('gives the session itself', async () => {
        const reply = await (await signedIn()).get('/pipes');
        expect([reply.status, reply.json]).toEqual([200, ['41', { seen: true }]]);
      });

      it('stands beside a body that is validated', async () => {
        const client = await signedIn();
        expect((await client.post('/pipes', { quantity: 3 })).json).toEqual({ quantity: 3 });
        expect((await client.post('/pipes', { quantity: 30 })).status).toBe(400);
      });

      it('takes pipes, as the decorators of Nest do: after a member, after a path, and alone', async () => {
        const client = await signedIn();
        expect((await client.get('/pipes/member')).json).toEqual({ next: 42 });
        expect((await (await signedIn('ada')).get('/pipes/member')).status).toBe(400);
        expect((await client.get('/pipes/path')).json).toEqual({ count: 7 });
        expect((await client.get('/pipes/session')).json).toEqual({ user: 'user 41' });
      });

      it('gives what ClassSerializerInterceptor answers as toJSON() does', async () => {
        const client = await signedIn();
        await visit(client, (session) => session.set('cart', { items: ['tea'] }));
        expect((await client.get('/pipes/serialized')).json).toEqual({ cart: { items: ['tea'] } });
      });
    },
  );
});
