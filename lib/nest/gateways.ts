import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
  SetMetadata,
  type Type,
} from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DEPUTY, GUARDS } from './access/route-access.js';
import { DeputyGuard } from './deputy.guard.js';
import { SessionInterceptor } from './session.interceptor.js';

/** Where Nest's `@WebSocketGateway()` leaves its mark, and `@UseInterceptors()` its list. */
const GATEWAY = 'websockets:is_gateway';
const INTERCEPTORS = '__interceptors__';

// What gateways name stays on their classes, which applications without sessions may use after this one: it does nothing there.

/** Runs what Nest 11 does not run in gateways of the guards of sessions, in an application that has them. */
@Injectable()
@SetMetadata(DEPUTY, true)
class GatewayGuard implements CanActivate {
  readonly #guard: DeputyGuard | undefined;

  constructor(@Optional() @Inject(DeputyGuard) guard: DeputyGuard | undefined) {
    this.#guard = guard;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return this.#guard?.canActivateMessage(context) ?? true;
  }
}

/** Runs the interceptor that stores sessions, in an application that has one for all. */
@Injectable()
class GatewayInterceptor implements NestInterceptor {
  readonly #interceptor: SessionInterceptor | undefined;

  constructor(@Optional() @Inject(SessionInterceptor) interceptor: SessionInterceptor | undefined) {
    this.#interceptor = interceptor;
  }

  intercept(context: ExecutionContext, next: CallHandler): ReturnType<SessionInterceptor['intercept']> {
    return this.#interceptor?.intercept(context, next) ?? next.handle();
  }
}

/** What {@link equipGateways} has gateways run, to be provided by the module. */
export const GATEWAY_PROVIDERS: readonly Type[] = [GatewayGuard, GatewayInterceptor];

/**
 * Has all gateways run the guards and the interceptor of sessions: Nest 11 runs none there that are registered for the whole
 * application. (Where Nest 12 has run them, they do nothing.) Classes may be shared with other applications: so they name only what is to be
 * run, and each application finds its own in the gateway's module.
 *
 * @param session the module that provides them
 */
export function equipGateways(modules: ModulesContainer, session: Type): void {
  const own = [...modules.values()].find(({ metatype }) => metatype === session);
  for (const { providers, injectables } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY, metatype)) continue;
      for (const one of GATEWAY_PROVIDERS) {
        const wrapper = own?.providers.get(one);
        if (wrapper !== undefined && !injectables.has(one)) injectables.set(one, wrapper);
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
