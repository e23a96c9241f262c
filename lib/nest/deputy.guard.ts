import { type CanActivate, type ExecutionContext, Inject, Injectable, type Type } from '@nestjs/common';
import { APP_GUARD, ModulesContainer } from '@nestjs/core';
import { checkAccess } from './access/check-access.js';
import { inheritanceOf, methodsOf } from './access/methods.js';
import { GUARDS, isSessionGuard } from './access/route-access.js';
import { SessionSource } from './context/session-source.js';
import { isNest12 } from './nest-version.js';
import { metadataOf } from './session.metadata.js';
import { SessionLoaderGuard } from './session-loader.guard.js';

/**
 * The guard that loads sessions. It does the work of each `SessionGuard` that Nest does not run:
 *
 * - as an `APP_GUARD`, in gateways: one that is made for each request, and before Nest 12 any;
 * - as an `APP_GUARD`, elsewhere, before Nest 12: one that is made for each that injects it, and another name of one that is made for
 *   each request;
 * - on a resolver, or on its methods, where that comes from a factory or is a value; before Nest 12, also on a resolver or gateway that
 *   is provided by `useClass`.
 */
@Injectable()
export class DeputyGuard extends SessionLoaderGuard {
  readonly #source: SessionSource;
  readonly #modules: ModulesContainer;
  /** What every `SessionGuard` does, unless it does more. */
  readonly #check: CanActivate = { canActivate: (context) => checkAccess(this.#source, context) };
  #inGateways: readonly CanActivate[] | null = null;
  #elsewhere: readonly CanActivate[] | null = null;
  /** Classes whose guards Nest does not run. */
  #unguarded: ReadonlySet<unknown> | null = null;

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
    const isUnguarded = context.getType() !== 'http' && this.#isUnguarded(context);
    if (guards.length === 0 && !isUnguarded) return super.canActivate(context);
    return this.#admits(isUnguarded ? [...guards, this.#check] : guards, context);
  }

  async #admits(guards: readonly CanActivate[], context: ExecutionContext): Promise<boolean> {
    for (const guard of guards) if (!(await guard.canActivate(context))) return false;
    return super.canActivate(context);
  }

  #guardsOfApplication(isRun: (guard: GlobalGuard) => boolean): CanActivate[] {
    const found: CanActivate[] = [];
    for (const { providers, injectables } of this.#modules.values()) {
      for (const [wrappers, isScoped] of [
        [providers, false],
        [injectables, true],
      ] as const) {
        for (const [token, wrapper] of wrappers) {
          if (typeof token !== 'string' || !token.startsWith(`${APP_GUARD} (`)) continue;
          const guard = { wrapper, isScoped };
          if (isRun(guard)) continue;
          const one: unknown = isOne(guard) ? wrapper.instance : this.#classOf(wrapper);
          if (isSessionGuard(one)) found.push(isOne(guard) ? (one as CanActivate) : this.#check);
        }
      }
    }
    return found;
  }

  /** That of a guard which is not there yet, past its other names. */
  #classOf(wrapper: InstanceWrapper): unknown {
    const seen = new Set<InstanceWrapper>();
    let one = wrapper;
    while (one.isAlias && !seen.has(one)) {
      seen.add(one);
      const [named] = (one.inject ?? []) as unknown[];
      const next = [...this.#modules.values()].map(({ providers }) => providers.get(named as Type)).find(Boolean);
      if (next === undefined) return named;
      one = next;
    }
    return one.metatype;
  }

  #isUnguarded(context: ExecutionContext): boolean {
    if (metadataOf(context).requirements.length === 0) return false;
    this.#unguarded ??= new Set(
      [...this.#modules.values()].flatMap(({ providers, injectables }) =>
        [...providers.values()]
          .filter((wrapper) => !wrapper.isAlias && !isGuardedByNest(wrapper, injectables))
          .map(({ instance }) => makerOf(instance)),
      ),
    );
    return this.#unguarded.has(context.getClass());
  }
}

/** What Nest keeps of a provider. */
type InstanceWrapper = Module['providers'] extends Map<unknown, infer Wrapper> ? Wrapper : never;
type Module = ModulesContainer extends Map<unknown, infer One> ? One : never;

/** A guard that is provided as an `APP_GUARD`, and whether Nest takes it for one that is made for each request. */
interface GlobalGuard {
  readonly wrapper: InstanceWrapper;
  readonly isScoped: boolean;
}

/** Whether there is one for the whole application. */
function isOne({ wrapper, isScoped }: GlobalGuard): boolean {
  return !isScoped && wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function isRunInGateways(guard: GlobalGuard): boolean {
  return isNest12 && isOne(guard);
}

/** Before Nest 12, one that is taken for scoped is run where it is, and no other that is. */
function isRunElsewhere(guard: GlobalGuard): boolean {
  return isNest12 || isOne(guard) || (guard.isScoped && !guard.wrapper.isDependencyTreeStatic());
}

/** The class of a provider's instance; `undefined` where it has none, or is a proxy that does not say. */
function makerOf(instance: unknown): unknown {
  if (typeof instance !== 'object' || instance === null) return undefined;
  try {
    return (Object.getPrototypeOf(instance) as { constructor?: unknown } | null)?.constructor;
  } catch {
    return undefined;
  }
}

/** Whether Nest finds each `SessionGuard` of a provider's class, and of its methods: in the module, by that class. */
function isGuardedByNest(wrapper: InstanceWrapper, injectables: Module['injectables']): boolean {
  const { metatype, token } = wrapper;
  if (typeof metatype !== 'function' || wrapper.isNotMetatype || (!isNest12 && token !== metatype)) return false;
  const methods = inheritanceOf(metatype as Type).flatMap((one) => [...methodsOf(one)].map(([, method]) => method));
  const guards = [metatype, ...methods].flatMap(
    (one) => (Reflect.getMetadata(GUARDS, one) ?? []) as readonly unknown[],
  );
  return guards.every(
    (guard) => typeof guard !== 'function' || !isSessionGuard(guard) || injectables.has(guard as Type),
  );
}
