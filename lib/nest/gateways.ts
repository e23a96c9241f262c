import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { GUARDS } from './access/route-access.js';
import { DeputyGuard } from './deputy.guard.js';
import { isNest12 } from './nest-version.js';
import { SessionInterceptor } from './session.interceptor.js';

/** Where Nest's `@WebSocketGateway()` leaves its mark, and `@UseInterceptors()` its list. */
const GATEWAY = 'websockets:is_gateway';
const INTERCEPTORS = '__interceptors__';

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
      for (const one of [DeputyGuard, SessionInterceptor]) {
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
  const key = enhancer === DeputyGuard ? GUARDS : INTERCEPTORS;
  const named = (Reflect.getMetadata(key, type) ?? []) as readonly unknown[];
  if (named.includes(enhancer)) return;
  // The guards of a class begin with those of its base class.
  Reflect.defineMetadata(key, key === GUARDS ? [...named, enhancer] : [enhancer, ...named], type);
}
