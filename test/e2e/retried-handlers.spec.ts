import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  type NestInterceptor,
  Res,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import { rememberHandshakes, Session } from 'nestjs-mikro-session';
import { type Observable, retry } from 'rxjs';
import { useApp } from '../support/app.js';
import { InterceptedGateway, tell, VisitGateway } from '../support/gateway.js';
import { graphql, inResolver, ItemResolver } from '../support/graphql.js';
import { answered } from '../support/probe.js';
import { connect } from '../support/ws-client.js';

/** Has a handler that failed run again, as an application does whose own database asks for that. */
class RetryInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(retry(2));
  }
}

@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: RetryInterceptor }] })
class RetryModule {}

/** Fails twice, after it has changed the session. */
const failingTwice = () => {
  let attempts = 0;
  return (session: Session): number => {
    session.increment('done');
    session.set(`attempt${++attempts}`, true);
    if (attempts <= 2) throw new Error('not yet');
    return attempts;
  };
};

@Controller('by-itself')
class ByItselfController {
  #attempt = failingTwice();
  @Get() answer(@Session() session: Session, @Res() response: Response): void {
    response.send(String(this.#attempt(session)));
  }
}

const sockets: { close(): void }[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

describe.each([
  ['of the module', VisitGateway],
  ['of the module and one that a gateway names', InterceptedGateway],
])('A handler that another interceptor has run again after it failed, with the interceptor %s', (_, gateway) => {
  const fixture = useApp({
    before: [RetryModule],
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
    ],
    controllers: [ByItselfController],
    providers: [gateway, ItemResolver],
    prepare: (app: INestApplication) => {
      app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app)));
    },
  });
  const signedIn = async () => {
    const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    return { cookie, data: async () => (await fixture.row(session.id))['data'] as unknown };
  };
  /** What the attempt that succeeds has written, and no other. */
  const ONCE = { done: 1, attempt3: true };

  it('has what it wrote when it succeeded stored over HTTP, and nothing else', async () => {
    const { cookie, data } = await signedIn();
    await answered(fixture.app.client(), failingTwice(), { cookie });
    expect(await data()).toEqual(ONCE);
  });

  it('has it stored where it answers by itself', async () => {
    const { cookie, data } = await signedIn();
    const reply = await fixture.app.client().get('/by-itself', { cookie });
    expect([reply.status, reply.text]).toEqual([200, '3']);
    expect(await data()).toEqual(ONCE);
  });

  it('has it stored in a gateway', async () => {
    const { cookie, data } = await signedIn();
    const socket = await connect(fixture.app.url, cookie);
    sockets.push(socket);
    expect(await tell(socket, failingTwice())).toBe(3);
    expect(await data()).toEqual(ONCE);
  });

  it('has it stored in a resolver', async () => {
    const { cookie, data } = await signedIn();
    const query = `mutation { change(name: ${inResolver(failingTwice())}) }`;
    expect((await graphql(fixture.app.client(), query, { cookie })).data).toEqual({ change: '3' });
    expect(await data()).toEqual(ONCE);
  });
});
