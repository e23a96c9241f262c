import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  type ExecutionContext,
  Inject,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import {
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import {
  Authorize,
  Public,
  Session,
  SessionGuard,
  SessionInterceptor,
  SessionRenewal,
  SessionService,
  SkipSession,
} from 'nestjs-mikro-session';
import { from, isObservable, map, type Observable } from 'rxjs';
import { Handlers } from './handlers.js';

/** What a message does in its handler. An observable's values are sent one by one. */
export type MessageVisit = (session: Session, client: any) => unknown;

const visits = new Handlers<MessageVisit>();

/** Has a function run as the handler of a message, and gives the name to send for that. */
export function inMessage(visit: MessageVisit): string {
  return visits.add(visit);
}

/** What a test wants to happen when a client connects. */
export const onConnection: { handler: ((client: any) => void) | null } = { handler: null };

function answer<Data>(data: Data): WsResponse<Data> {
  return { event: 'answer', data };
}

/** A guard of an application's own. */
@Injectable()
class CountingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.of(context)).increment('asked') <= 2;
  }
}

/** Tells the client what stands behind an exception. */
@Catch(WsException)
class CauseFilter extends BaseWsExceptionFilter {
  override catch(exception: WsException, host: ArgumentsHost): void {
    // oxlint-disable-next-line promise/valid-params -- no promise
    super.catch(new WsException((exception.cause as Error).constructor.name), host);
  }
}

@WebSocketGateway()
export class VisitGateway implements OnGatewayConnection {
  handleConnection(client: unknown): void {
    onConnection.handler?.(client);
  }
  @SubscribeMessage('visit')
  async visit(
    @Session() session: Session,
    @ConnectedSocket() client: unknown,
    @MessageBody() name: string,
  ): Promise<WsResponse<unknown> | Observable<WsResponse<unknown>>> {
    const result = visits.get(name)(session, client);
    if (isObservable(result)) return from(result).pipe(map(answer));
    return answer((await result) ?? null);
  }
  @SubscribeMessage('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): WsResponse<string> {
    return answer(userId);
  }
  @SubscribeMessage('watch') @UseGuards(SessionGuard) watch(
    @Session() session: Session,
    @ConnectedSocket() client: unknown,
    @MessageBody() name: string,
  ): Promise<WsResponse<unknown> | Observable<WsResponse<unknown>>> {
    return this.visit(session, client, name);
  }
  @SubscribeMessage('filtered') @UseFilters(CauseFilter) @UseGuards(SessionGuard) filtered(): void {}
  @SubscribeMessage('counted') @UseGuards(CountingGuard) counted(@Session('asked') asked: number): WsResponse<number> {
    return answer(asked);
  }
  @SubscribeMessage('edit') @Authorize({ roles: ['editor'] }) edit(): WsResponse<string> {
    return answer('edited');
  }
  @SubscribeMessage('poll') @SessionRenewal(false) poll(@Session('userId') userId: string): WsResponse<string> {
    return answer(userId);
  }
  @SubscribeMessage('skipped') @SkipSession() skipped(): WsResponse<string> {
    return answer('skipped');
  }
  @SubscribeMessage('skipped-session') @SkipSession() skippedSession(@Session() _session: Session): void {}
}

/** One with a guard before all of its messages. */
@WebSocketGateway()
@UseGuards(SessionGuard)
export class GuardedGateway {
  @SubscribeMessage('open') @Public() open(): WsResponse<string> {
    return answer('open');
  }
}

/** The same as {@link VisitGateway} for applications that have no interceptor for everything. */
@WebSocketGateway()
@UseInterceptors(SessionInterceptor)
export class InterceptedGateway extends VisitGateway {}

/** One of a gateway's clients, over either kind of socket. */
export interface GatewayClient {
  /** Sends a message, and waits for nothing. */
  send(event: string, data?: unknown): void;
  /** The next thing that comes: what a handler answered, or `{ exception }`. */
  next(): Promise<unknown>;
  close(): void;
}

/** Sends a message and waits for what comes. */
export async function ask(client: GatewayClient, event: string, data?: unknown): Promise<any> {
  const next = client.next();
  client.send(event, data);
  return next;
}

/** Runs a function in the handler of a message, and returns what comes of it. */
export async function tell(client: GatewayClient, visit: MessageVisit): Promise<any> {
  return ask(client, 'visit', inMessage(visit));
}

/** What has come for a client, one by one: each thing goes to the call of `next()` that waits longest, or is kept for one. */
export class Inbox {
  readonly #kept: unknown[] = [];
  readonly #waiting: ((value: unknown) => void)[] = [];

  put(event: string, data: unknown): void {
    const value = event === 'exception' ? { exception: data } : data;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#kept.push(value);
    else waiting(value);
  }

  next(): Promise<unknown> {
    if (this.#kept.length > 0) return Promise.resolve(this.#kept.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
