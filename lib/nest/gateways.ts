import { createRequire } from 'node:module';
import { type CanActivate, type ExecutionContext, Inject, Injectable, type Type } from '@nestjs/common';
import { APP_GUARD, ModulesContainer } from '@nestjs/core';
import { checkAccess } from './access/check-access.js';
import { GUARDS, isSessionGuard } from './access/route-access.js';
import { SessionSource } from './context/session-source.js';
import { SessionInterceptor } from './session.interceptor.js';
import { SessionLoaderGuard } from './session-loader.guard.js';

/** Where Nest's `@WebSocketGateway()` leaves its mark, and `@UseInterceptors()` its list. */
const GATEWAY = 'websockets:is_gateway';
const INTERCEPTORS = '__interceptors__';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as { version: string };
/** Whether Nest runs in gateways what is registered for the whole application, as it does from version 12 on. */
const runsAllInGateways = Number.parseInt(version, 10) >= 12;

/** Stands before all gateways where Nest runs no guard of the application there: does what those of sessions would. */
@Injectable()
export class GatewayGuard extends SessionLoaderGuard {
  readonly #source: SessionSource;
  readonly #modules: ModulesContainer;
  #guards: readonly CanActivate[] | null = null;

  constructor(@Inject(SessionSource) source: SessionSource, @Inject(ModulesContainer) modules: ModulesContainer) {
    super(source);
    this.#source = source;
    this.#modules = modules;
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    this.#guards ??= this.#guardsOfApplication();
    for (const guard of this.#guards) if (!(await guard.canActivate(context))) return false;
    return super.canActivate(context);
  }

  /** Each `SessionGuard` that is provided as an `APP_GUARD`. */
  #guardsOfApplication(): CanActivate[] {
    const found: CanActivate[] = [];
    for (const { providers, injectables } of this.#modules.values()) {
      for (const [token, wrapper] of [...providers, ...injectables]) {
        if (typeof token !== 'string' || !token.startsWith(APP_GUARD)) continue;
        // One of each request is not there yet: what it extends stands in for it.
        const isOne = wrapper.isDependencyTreeStatic();
        const guard: unknown = isOne ? wrapper.instance : wrapper.metatype;
        if (!guard || !isSessionGuard(guard)) continue;
        found.push(isOne ? (guard as CanActivate) : { canActivate: (context) => checkAccess(this.#source, context) });
      }
    }
    return found;
  }
}

/** What {@link equipGateways} has gateways run, to be provided by the module. */
export const GATEWAY_PROVIDERS: readonly Type[] = runsAllInGateways ? [] : [GatewayGuard];

/**
 * Has all gateways run the guards and the interceptor of sessions, where Nest runs none there that are registered for the whole
 * application. Classes may be shared with other applications: so they name only what is to be run, and each application finds its own
 * in the gateway's module.
 *
 * @param session the module that provides them; without a provider, the interceptor is left out
 */
export function equipGateways(modules: ModulesContainer, session: Type): void {
  if (runsAllInGateways) return;
  const own = [...modules.values()].find(({ metatype }) => metatype === session);
  for (const { providers, injectables } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY, metatype)) continue;
      for (const one of [GatewayGuard, SessionInterceptor]) {
        const wrapper = own?.providers.get(one);
        if (wrapper === undefined) continue;
        if (!injectables.has(one)) injectables.set(one, wrapper);
        // By the one or the other, versions of Nest know the class of a gateway.
        for (const type of [metatype, (metatype.prototype as object).constructor]) name(type, one);
      }
    }
  }
}

function name(type: object, enhancer: Type): void {
  const key = enhancer === GatewayGuard ? GUARDS : INTERCEPTORS;
  const named = (Reflect.getMetadata(key, type) ?? []) as readonly unknown[];
  if (named.includes(enhancer)) return;
  // The guards of a class begin with those of its base class.
  Reflect.defineMetadata(key, key === GUARDS ? [...named, enhancer] : [enhancer, ...named], type);
}
