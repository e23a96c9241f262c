import type { Server } from 'node:net';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type INestMicroservice,
  UseGuards,
} from '@nestjs/common';
import { type ClientProxy, ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, Session, SessionGuard, SessionModule, SessionService } from 'nestjs-mikro-session';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { databaseModule, useApp } from '../support/app.js';

const errors: Error[] = [];

@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  canActivate(context: ExecutionContext): Promise<boolean> {
    return this.sessions.of(context).then(
      () => false,
      (error: Error) => errors.push(error) > 0,
    );
  }
}

@Controller()
class WorkController {
  @Get('both') @MessagePattern('both') both(): string {
    return 'both';
  }
  @MessagePattern('stream') stream(@Payload() numbers: number[]): Observable<number> {
    return from(numbers);
  }
  @MessagePattern('session') session(@Session() session: Session): string {
    return session.id;
  }
  @MessagePattern('asking') @UseGuards(AskingGuard) asking(): string {
    return 'asked';
  }
}

@Controller()
@UseGuards(SessionGuard)
class GuardedController {
  @MessagePattern('closed') closed(): string {
    return 'closed';
  }
  @MessagePattern('public') @Public() open(): string {
    return 'open';
  }
}

const OPTIONS = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;

function clientOf(microservice: INestMicroservice): ClientProxy {
  const { port } = microservice.unwrap<Server>().address() as { port: number };
  return ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
}

describe('An application that is a microservice as well', () => {
  let microservice: INestMicroservice;
  let client: ClientProxy;
  const fixture = useApp({
    controllers: [WorkController, GuardedController],
    providers: [AskingGuard],
    prepare: (app) => {
      microservice = app.connectMicroservice(OPTIONS, { inheritAppConfig: true });
    },
  });
  beforeAll(async () => {
    await fixture.app.app.startAllMicroservices();
    client = clientOf(microservice);
  });
  afterAll(() => client.close());
  const ask = (pattern: string, data: unknown = '') => firstValueFrom(client.send<unknown>(pattern, data));

  it('answers messages as if there were no sessions', async () => {
    expect(await ask('both')).toBe('both');
    const numbers: number[] = [];
    await client.send<number>('stream', [1, 2, 3]).forEach((number) => void numbers.push(number));
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('still has sessions for requests', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const loaded = firstValueFrom(fixture.app.sessions.events);
    expect((await fixture.app.client().get('/both', { cookie })).text).toBe('both');
    expect(await loaded).toMatchObject({ type: 'loaded', userId: 'ada' });
  });

  it('lets messages past SessionGuard only where that is public', async () => {
    await expect(ask('closed')).rejects.toMatchObject({ message: 'Forbidden resource' });
    expect(await ask('public')).toBe('open');
  });

  it('has no session to give to a message, and says so', async () => {
    await expect(ask('session')).rejects.toMatchObject({ message: 'Internal server error' });
    expect(await ask('asking')).toBe('asked');
    expect(errors).toMatchObject([
      { code: 'ERR_SESSION_SETUP', message: expect.stringContaining('Send along what the handler needs to know') },
    ]);
  });
});

describe('A microservice without HTTP', () => {
  let database: TestDatabase;
  let microservice: INestMicroservice;
  let client: ClientProxy;
  beforeAll(async () => {
    database = await createDatabase();
    const module = await Test.createTestingModule({
      imports: [databaseModule(database.url), SessionModule.forRoot({ ensureSchema: true })],
      controllers: [WorkController],
    }).compile();
    microservice = module.createNestMicroservice({ ...OPTIONS, logger: false });
    await microservice.listen();
    client = clientOf(microservice);
  });
  afterAll(async () => {
    client.close();
    await microservice.close();
    await database.drop();
  });

  it('starts, answers messages, and can work on sessions by their id', async () => {
    expect(await firstValueFrom(client.send<unknown>('both', ''))).toBe('both');
    const sessions = microservice.get(SessionService);
    const { session } = await sessions.create({ userId: 'ada' });
    expect((await sessions.find(session.id))?.userId).toBe('ada');
  });
});
