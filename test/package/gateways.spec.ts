import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PackedModule, runNode } from '../support/packed.js';

/** An application without decorators, as Node.js runs it: prints what a visitor, a clerk and an admin are answered. */
const APP = `
import 'reflect-metadata';
import { Controller, Get, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { once } from 'node:events';
import WebSocket from 'ws';
import {
  Authorize, MemorySessionStore, Public, rememberHandshakes, Session, SessionGuard, SessionModule, SessionService,
} from 'nestjs-mikro-session';

const [, , guard] = process.argv;
const decorate = (type, name, ...decorators) => {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const one of decorators) one(type.prototype, name, descriptor);
};
const answer = { event: 'answer', data: 'done' };
/** Below the decorators of the class. */
const Proxied = (type) => new Proxy(type, {});

class PlainGateway {
  // Nest 11 tells who has no right of it by an event of the server's socket alone.
  handleConnection(client) { client.on('exception', (data) => client.send(JSON.stringify({ event: 'exception', data }))); }
  plain() { return answer; }
  open() { return answer; }
  count(session) { return { event: 'answer', data: session.increment('n') }; }
}
decorate(PlainGateway, 'plain', SubscribeMessage('plain'));
decorate(PlainGateway, 'open', SubscribeMessage('open'), Public());
decorate(PlainGateway, 'count', SubscribeMessage('count'), Public());
Session()(PlainGateway.prototype, 'count', 0);
WebSocketGateway()(PlainGateway);

class Base { overridden() {} }
decorate(Base, 'overridden', Authorize({ roles: ['admin'] }));
class OverridingGateway extends Base { overridden() { return answer; } }
decorate(OverridingGateway, 'overridden', SubscribeMessage('overridden'));
WebSocketGateway()(OverridingGateway);

let ReplacedGateway = class { replaced() { return answer; } };
decorate(ReplacedGateway, 'replaced', SubscribeMessage('replaced'));
ReplacedGateway = Proxied(ReplacedGateway);
Authorize({ roles: ['admin'] })(ReplacedGateway);
WebSocketGateway()(ReplacedGateway);

class InheritingGateway extends PlainGateway { own() { return answer; } }
decorate(InheritingGateway, 'own', SubscribeMessage('own'));
UseGuards(SessionGuard)(InheritingGateway);
WebSocketGateway({ path: '/inheriting' })(InheritingGateway);

class OtherGuard { canActivate() { return true; } }
class OpenedGateway extends InheritingGateway { opened() { return answer; } }
decorate(OpenedGateway, 'opened', SubscribeMessage('opened'));
UseGuards(OtherGuard)(OpenedGateway);
Public()(OpenedGateway);
WebSocketGateway({ path: '/opened' })(OpenedGateway);

class NamedGateway { named() { return answer; } }
decorate(NamedGateway, 'named', SubscribeMessage('named'), Authorize({ roles: ['admin'] }));
WebSocketGateway({ path: '/inheriting' })(NamedGateway);

class ClassGateway { ofClass() { return answer; } }
decorate(ClassGateway, 'ofClass', SubscribeMessage('ofClass'), UseGuards(SessionGuard));
WebSocketGateway({ path: '/inheriting' })(ClassGateway);

class PlainController { plain() { return 'done'; } }
decorate(PlainController, 'plain', Get('plain'));
Controller()(PlainController);

class RequestGuard extends SessionGuard {}
Injectable({ scope: Scope.REQUEST })(RequestGuard);
class TransientGuard extends SessionGuard {}
Injectable({ scope: Scope.TRANSIENT })(TransientGuard);
const guards = {
  once: { useClass: SessionGuard },
  request: { useClass: RequestGuard },
  alias: { useExisting: RequestGuard },
  transient: { useClass: TransientGuard },
  transientAlias: { useExisting: TransientGuard },
  scopedAlias: { useExisting: SessionGuard, scope: Scope.REQUEST },
  named: { useExisting: 'guard' },
  scopedName: { useExisting: 'guard', scope: Scope.REQUEST },
};

class App {}
Module({
  imports: [SessionModule.forRoot({ store: { useFactory: () => new MemorySessionStore({ maxDataBytes: 65536 }) } })],
  controllers: [PlainController],
  providers: [
    RequestGuard, TransientGuard, SessionGuard, { provide: 'guard', useClass: RequestGuard },
    ...(guard ? [{ provide: APP_GUARD, ...guards[guard] }] : []),
    PlainGateway, OverridingGateway, ReplacedGateway, InheritingGateway, OpenedGateway,
    { provide: 'gateway', useClass: NamedGateway }, { provide: ClassGateway, useClass: ClassGateway },
  ],
})(App);

const answers = {};
// Twice: the second application finds what the first has left on the classes.
for (let times = 0; times < 2; times++) {
  const app = await NestFactory.create(App, { logger: ['error'] });
  app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app)));
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('http', 'ws');
  const sessions = app.get(SessionService);
  const visitors = { nobody: {}, clerk: { roles: ['clerk'] }, admin: { roles: ['admin'] } };
  for (const [name, auth] of Object.entries(visitors)) {
    const { cookie } = name === 'nobody' ? { cookie: '' } : await sessions.create({ userId: name, auth });
    const ask = async (path, event) => {
      const socket = new WebSocket(url + path, { headers: { cookie } });
      await once(socket, 'open');
      socket.send(JSON.stringify({ event, data: {} }));
      const [message] = await once(socket, 'message');
      socket.close();
      const { data } = JSON.parse(message);
      return typeof data === 'object' ? data.message : data;
    };
    const { status } = await fetch((await app.getUrl()) + '/plain', { headers: { cookie } });
    answers[name] = { status };
    for (const event of ['plain', 'open', 'overridden', 'replaced']) answers[name][event] = await ask('', event);
    for (const event of ['own', 'named', 'ofClass']) answers[name][event] = await ask('/inheriting', event);
    answers[name].opened = await ask('/opened', 'opened');
    if (name !== 'nobody') answers[name].counted = [await ask('', 'count'), await ask('', 'count')];
  }
  await app.close();
}

// Classes of gateways may be used without sessions as well, afterwards.
class Without {}
Module({ providers: [OverridingGateway] })(Without);
const without = await NestFactory.create(Without, { logger: ['error'] });
without.useWebSocketAdapter(new WsAdapter(without));
await without.listen(0, '127.0.0.1');
const socket = new WebSocket((await without.getUrl()).replace('http', 'ws'));
await once(socket, 'open');
socket.send(JSON.stringify({ event: 'overridden', data: {} }));
const [message] = await once(socket, 'message');
socket.close();
await without.close();
answers.without = JSON.parse(message).data;
console.log(JSON.stringify(answers));
`;

const CLOSED = 'Sign in to go on.';
const FORBIDDEN = 'You may not do this.';
const ALLOWED = { status: 200, plain: 'done', open: 'done', opened: 'done', own: 'done', ofClass: 'done' };
const REFUSED = { ...ALLOWED, overridden: CLOSED, replaced: CLOSED, named: CLOSED, ofClass: CLOSED, own: CLOSED };

// The newest 12 is what all other tests run.
describe.each([
  ['the oldest 11', '~11.0.5'],
  ['the newest 11', '^11'],
  ['the oldest 12', '~12.0.0'],
])('Gateways, with %s of Nest', (_name, version) => {
  let consumers: PackedModule;
  beforeAll(async () => {
    const nest = ['common', 'core', 'platform-express', 'platform-ws', 'websockets'];
    const orm = ['@mikro-orm/core@7.2.1', '@mikro-orm/postgresql@7.2.1', '@mikro-orm/nestjs@7.1.0'];
    const others = ['reflect-metadata@^0.2', 'rxjs@^7', 'ws@8'];
    consumers = await PackedModule.install([...nest.map((name) => `@nestjs/${name}@${version}`), ...orm, ...others]);
  }, 120_000);
  afterAll(() => consumers.remove());

  it.each([
    ['without a guard of the application', null],
    ['with SessionGuard as one', 'once'],
    ['with one that is made for each request', 'request'],
    ['with another name of that', 'alias'],
    ['with one that is made for each that injects it', 'transient'],
    ['with another name of such a one', 'transientAlias'],
    ['with another name, for each request, of one', 'scopedAlias'],
    ['with a name that is no class', 'named'],
    ['with such a name for each request', 'scopedName'],
  ])('let in whom their decorators let in, and store sessions, %s', async (_what, guard) => {
    const folder = await consumers.folder({ 'app.mjs': APP });
    const { code, output } = await runNode(folder, ['app.mjs', ...(guard === null ? [] : [guard])]);
    // The newest refuses to start with it.
    if (guard === 'named' && output.includes('RequestScopedGlobalEnhancerException')) return;
    expect([code, code === 0 ? '' : output]).toEqual([0, '']);
    expect(JSON.parse(output)).toEqual({
      nobody: guard === null ? REFUSED : { ...REFUSED, status: 401, plain: CLOSED },
      clerk: { ...ALLOWED, overridden: FORBIDDEN, replaced: FORBIDDEN, named: FORBIDDEN, counted: [1, 2] },
      admin: { ...ALLOWED, overridden: 'done', replaced: 'done', named: 'done', counted: [1, 2] },
      without: 'done',
    });
  });
});
