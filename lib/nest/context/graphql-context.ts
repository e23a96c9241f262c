import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import { finalize, type Observable } from 'rxjs';
import type { ActiveSession } from '../../session/active-session.js';
import type { OriginRequest } from '../../options/origin.options.js';
import { metadataOf } from '../session.metadata.js';
import { announcedTo } from './announcement.js';
import { MessageContext } from './message-context.js';
import type { PlatformRequest } from './platform-request.js';
import { RequestContext } from './request-context.js';
import type { SessionSource } from './session-source.js';
import type { BoundedContext } from './session-context.js';

/** The context that a GraphQL server makes for a request, as far as it holds the request. */
interface GraphqlServerContext {
  /** Apollo; over a socket (`graphql-ws`) what the connection is known by. */
  readonly req?: PlatformRequest & { readonly res?: ServerResponse; readonly extra?: { readonly request?: object } };
  readonly res?: PlatformResponse;
  /** Mercurius. */
  readonly reply?: PlatformResponse & { readonly request?: PlatformRequest };
}

type PlatformResponse = ServerResponse | { readonly raw: ServerResponse };

/** What resolvers are told of their operation, as far as it is used here. */
interface ResolveInfo {
  readonly path?: { readonly prev?: unknown };
  readonly operation?: { readonly operation?: unknown };
  /** A new object for each time that an operation is executed. */
  readonly variableValues?: object;
}

/** By the response; over a socket by the context, which may last as long as the socket, and the operation. One for each registration. */
const known = new WeakMap<object, WeakMap<object, GraphqlContext[]>>();

/** The session that all resolvers of a GraphQL request share. */
export class GraphqlContext implements BoundedContext {
  isAdmitted = false;
  readonly #carrier: RequestContext | MessageContext;
  readonly #source: SessionSource;
  readonly #variables: object | undefined;
  #resolvers = 0;
  #renews = false;

  private constructor(source: SessionSource, carrier: RequestContext | MessageContext, variables: object | undefined) {
    this.#source = source;
    this.#carrier = carrier;
    this.#variables = variables;
  }

  /**
   * That of the request that a resolver works on; `null` where the context does not hold it.
   *
   * @param given where sessions come from, unless the application is known by its request
   */
  static of(given: SessionSource | null, host: ArgumentsHost): GraphqlContext | null {
    const context = contextOf(host);
    if (typeof context !== 'object' || context === null) return null;
    const request = context.reply?.request ?? context.req ?? null;
    // Over a socket, a function that takes (req, res) gets something else for the second.
    const response = [context.reply, context.res, context.req?.res].find(isResponse);
    const info = infoOf(host);
    // Of one HTTP request there may be several contexts (batching); of one context over a socket several operations.
    const key = response ?? context;
    const operation = response === undefined ? (info?.operation ?? key) : key;
    const operations = known.get(key) ?? new WeakMap<object, GraphqlContext[]>();
    const all = operations.get(operation) ?? [];
    const source = given ?? (request && announcedTo(request));
    const before = source === null ? all[0] : all.find((one) => one.#source === source);
    const found = before === undefined || before.#isOf(info) ? before : undefined;
    if (found !== undefined || request === null || source === null) return found ?? null;
    const carrier = carrierOf(source, request, response);
    if (carrier === null) return null;
    const created = new GraphqlContext(source, carrier, info?.variableValues);
    known.set(key, operations.set(operation, [...all.filter((one) => one !== before), created]));
    return created;
  }

  /** Whether a resolver is of this operation, and not of the same one asked for again over the same socket. */
  #isOf(info: ResolveInfo | undefined): boolean {
    if (this.#carrier instanceof RequestContext || info?.path?.prev !== undefined) return true;
    return this.#variables === info?.variableValues;
  }

  load(): ActiveSession | Promise<ActiveSession> {
    return this.#carrier.load();
  }

  called(): Promise<void> | null {
    return this.#carrier.called();
  }

  use(): ActiveSession | null {
    return this.#carrier.use();
  }

  /** An access if one of the queries or mutations is; resolvers of fields have no say. */
  accessed(renews: boolean, host: ArgumentsHost): void {
    const info = host.getArgByIndex<ResolveInfo | undefined>(3);
    if (info?.path === undefined || info.path.prev !== undefined) return;
    this.#renews ||= renews;
    this.#carrier.handler = metadataOf(host as ExecutionContext).name;
    this.#carrier.accessed(this.#renews);
  }

  settle(status: number): Promise<void> | null {
    // It is not known which resolver made the changes, and those of one that succeeds must not be lost.
    return status >= 500 && this.#resolvers > 1 ? null : this.#carrier.settle(status);
  }

  reported(error: unknown, mayBeCaught?: boolean): unknown {
    return this.#carrier.reported(error, mayBeCaught);
  }

  around(work: () => Observable<unknown>, host: ArgumentsHost): Observable<unknown> {
    this.#resolvers++;
    const counted = (): Observable<unknown> => work().pipe(finalize(() => this.#resolvers--));
    return this.#carrier instanceof MessageContext ? this.#carrier.around(counted, host) : counted();
  }
}

/** Whether what Nest handles is a subscription, whose resolver gives its events. */
export function isSubscription(host: ArgumentsHost): boolean {
  if (host.getType<string>() !== 'graphql') return false;
  const info = host.getArgByIndex<ResolveInfo | undefined>(3);
  return info?.operation?.operation === 'subscription' && info.path?.prev === undefined;
}

/** The fourth of a resolver's arguments; the third of a reference resolver's, which has only three. */
function infoOf(host: ArgumentsHost): ResolveInfo | undefined {
  return host.getArgByIndex(3) ?? host.getArgByIndex(2);
}

/** Mercurius makes a reply over a socket that is none. */
function isResponse(one: unknown): one is PlatformResponse {
  if (typeof one !== 'object' || one === null) return false;
  return 'raw' in one || typeof (one as Partial<ServerResponse>).writeHead === 'function';
}

/** The third of a resolver's arguments; the second of a reference resolver's, which has only three. */
function contextOf(host: ArgumentsHost): GraphqlServerContext | null {
  return host.getArgByIndex(host.getArgByIndex(3) === undefined ? 1 : 2);
}

function carrierOf(
  source: SessionSource,
  request: NonNullable<GraphqlServerContext['req']>,
  response: PlatformResponse | undefined,
): RequestContext | MessageContext | null {
  const raw = (request.extra?.request ?? request) as Partial<IncomingMessage>;
  if (!hasHeaders(raw)) return null;
  if (response !== undefined) {
    const carrier = RequestContext.of(source, request, 'raw' in response ? response.raw : response);
    carrier.errorBody = errorBody;
    return carrier;
  }
  return raw.headers.upgrade === undefined ? null : new MessageContext(source, raw);
}

function hasHeaders(request: Partial<IncomingMessage>): request is OriginRequest & Partial<IncomingMessage> {
  return request.headers !== undefined;
}

/** The same as when a resolver throws it: GraphQL clients expect the status 200 with that. */
function errorBody(response: ServerResponse, message: string): string {
  const { statusCode } = response;
  const code = statusCode === 401 ? 'UNAUTHENTICATED' : 'INTERNAL_SERVER_ERROR';
  const extensions = { code, originalError: { statusCode, message } };
  response.statusCode = 200;
  return JSON.stringify({ errors: [{ message, extensions }], data: null });
}
