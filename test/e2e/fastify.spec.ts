import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  Inject,
  Redirect,
  Req,
  Res,
  StreamableFile,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Readable } from 'node:stream';
import { Session, SessionGuard, SessionModule, SessionService } from 'nestjs-mikro-session';
import { databaseModule } from '../support/app.js';
import { Client } from '../support/client.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

interface Reply {
  header(name: string, value: string): Reply;
  redirect(url: string, status: number): Reply;
  send(body?: unknown): Reply;
  readonly raw: NodeJS.WritableStream;
}

@Catch(ForbiddenException)
class FlashingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(_error: ForbiddenException, host: ArgumentsHost): Promise<void> {
    (await this.sessions.of(host)).flash('error', 'No entry.').set('seen', 'filter');
    host.switchToHttp().getResponse<Reply>().redirect('/somewhere', 302);
  }
}

@Controller()
class PathsController {
  @Get('value') value(@Session() session: Session) {
    session.set('seen', 'value');
    return { a: 1 };
  }
  @Get('redirect') @Redirect('/elsewhere') redirect(@Session() session: Session): void {
    session.set('seen', 'redirect');
  }
  @Get('res-redirect') resRedirect(@Session() session: Session, @Res() reply: Reply): void {
    session.set('seen', 'res-redirect');
    reply.redirect('/elsewhere', 302);
  }
  @Get('res-send') resSend(@Session() session: Session, @Res() reply: Reply): void {
    session.set('seen', 'res-send');
    reply.header('set-cookie', 'theirs=1').header('vary', 'accept').send({ a: 1 });
  }
  @Get('stream') stream(@Session() session: Session): StreamableFile {
    session.set('seen', 'stream');
    return new StreamableFile(Readable.from(['first', 'last']));
  }
  @Get('exception') exception(@Session() session: Session): never {
    session.set('seen', 'exception');
    throw new BadRequestException('wrong');
  }
  @Get('filter') @UseFilters(FlashingFilter) filter(): never {
    throw new ForbiddenException();
  }
  @Get('failure') failure(@Session() session: Session): never {
    session.set('seen', 'failure');
    throw new Error('broken');
  }
  @Get('request') request(@Req() request: { session: Session }): void {
    request.session.set('seen', 'request');
  }
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Get('login') async login(@Session() session: Session): Promise<void> {
    await session.login('ada');
  }
  @Get('logout') async logout(@Session() session: Session): Promise<void> {
    await session.logout();
  }
}

describe('On Fastify, a session', () => {
  let database: TestDatabase;
  let app: NestFastifyApplication;
  let url: string;
  beforeAll(async () => {
    database = await createDatabase();
    const module = await Test.createTestingModule({
      imports: [databaseModule(database.url), SessionModule.forRoot({ ensureSchema: true })],
      controllers: [PathsController],
    }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const seen = async (client: Client) => {
    const id = /session_id=([^.]+)/.exec(await client.cookie())?.[1];
    return (await database.query(`select data->>'seen' as seen from sessions where id = $1`, [id]))[0]?.['seen'];
  };

  it.each([
    ['value', 200],
    ['redirect', 302],
    ['res-redirect', 302],
    ['res-send', 200],
    ['stream', 200],
    ['exception', 400],
    ['filter', 302],
    ['request', 200],
  ])('is saved before it is sent, with its cookie: %s', async (path, status) => {
    const client = new Client(url);
    const reply = await client.get(`/${path}`);
    expect(reply.status).toBe(status);
    expect(reply.setCookies.filter((line) => line.startsWith('session_id='))).toHaveLength(1);
    expect(reply.headers.get('vary')).toMatch(/Cookie/);
    expect(await seen(client)).toBe(path);
  });

  it('leaves the handler’s own cookie and Vary', async () => {
    const reply = await new Client(url).get('/res-send');
    expect(reply.setCookies.map((line) => line.split('=')[0])).toEqual(['theirs', 'session_id']);
    expect(reply.headers.get('vary')).toBe('accept, Cookie');
  });

  it('sends a stream whole', async () => {
    expect((await new Client(url).get('/stream')).text).toBe('firstlast');
  });

  it('is dropped with a failure of the server', async () => {
    const reply = await new Client(url).get('/failure');
    expect(reply).toMatchObject({ status: 500, setCookies: [] });
  });

  it('opens guarded routes while somebody is signed in', async () => {
    const client = new Client(url);
    expect((await client.get('/me')).status).toBe(401);
    await client.get('/login');
    expect(await client.get('/me')).toMatchObject({ status: 200, text: 'ada' });
    await client.get('/logout');
    expect((await client.get('/me')).status).toBe(401);
  });
});
