import { createRequire } from 'node:module';
import { type CanActivate, type ExecutionContext, Inject, Injectable, Scope, type Type } from '@nestjs/common';
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
/** Whether Nest runs in gateways what is registered for the whole application. */
const isNest12 = Number.parseInt(version, 10) >= 12;

/**
 * The guard that loads sessions. It stands in for each `SessionGuard` that is provided as an `APP_GUARD`, where Nest does not run that:
 *
 * - in gateways, one that is made for each request, and before version 12 any;
 * - elsewhere, before version 12, one that is made for each that injects it, and another name of one that is made for each request.
 */
@Injectable()
export class GatewayGuard extends SessionLoaderGuard {
  readonly #source: SessionSource;
  readonly #modules: ModulesContainer;
  #inGateways: readonly CanActivate[] | null = null;
  #elsewhere: readonly CanActivate[] | null = null;

  constructor(@Inject(SessionSource) source: SessionSource, @Inject(ModulesContainer) modules: ModulesContainer) {
    super(source);
    this.#source = source;
    this.#modules = modules;
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const guards =
      context.getType() === 'ws'
        ? (this.#inGateways ??= this.#guardsOfApplication(isRunInGateways))
        : (this.#elsewhere ??= this.#guardsOfApplication(isRunElsewhere));
    return guards.length === 0 ? super.canActivate(context) : this.#admits(guards, context);
  }

  async #admits(guards: readonly CanActivate[], context: ExecutionContext): Promise<boolean> {
    for (const guard of guards) if (!(await guard.canActivate(context))) return false;
    return super.canActivate(context);
  }

  #guardsOfApplication(isRun: (wrapper: InstanceWrapper) => boolean): CanActivate[] {
    const found: CanActivate[] = [];
    for (const { providers, injectables } of this.#modules.values()) {
      for (const [token, wrapper] of [...providers, ...injectables]) {
        if (typeof token !== 'string' || !token.startsWith(APP_GUARD) || isRun(wrapper)) continue;
        const guard: unknown = isOne(wrapper) ? wrapper.instance : classOf(wrapper);
        if (!guard || !isSessionGuard(guard)) continue;
        // Of one that is not there yet, what it extends does the work.
        found.push(
          isOne(wrapper) ? (guard as CanActivate) : { canActivate: (context) => checkAccess(this.#source, context) },
        );
      }
    }
    return found;
  }
}

/** What Nest keeps of a provider. */
type InstanceWrapper = Module['providers'] extends Map<unknown, infer Wrapper> ? Wrapper : never;
type Module = ModulesContainer extends Map<unknown, infer One> ? One : never;

/** Whether there is one for the whole application. */
function isOne(wrapper: InstanceWrapper): boolean {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function isRunInGateways(wrapper: InstanceWrapper): boolean {
  return isNest12 && isOne(wrapper);
}

function isRunElsewhere(wrapper: InstanceWrapper): boolean {
  return isNest12 || isOne(wrapper) || wrapper.scope === Scope.REQUEST;
}

/** That of a guard which is not there yet. */
function classOf({ isAlias, inject, metatype }: InstanceWrapper): unknown {
  return isAlias ? inject?.[0] : metatype;
}

/**
 * Has all gateways run the guards and the interceptor of sessions, where Nest runs none there that are registered for the whole
 * application. Classes may be shared with other applications: so they name only what is to be run, and each application finds its own
 * in the gateway's module.
 *
 * @param session the module that provides them; without a provider, the interceptor is left out
 */
export function equipGateways(modules: ModulesContainer, session: Type): void {
  if (isNest12) return;
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
