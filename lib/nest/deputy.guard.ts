import { type CanActivate, type ExecutionContext, Inject, Injectable, type Type } from '@nestjs/common';
import { APP_GUARD, ModulesContainer } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { checkAccess } from './access/check-access.js';
import { inheritanceOf, methodsOf } from './access/methods.js';
import { GUARDS, isSessionGuard } from './access/route-access.js';
import { SessionSource } from './context/session-source.js';
import { metadataOf } from './session.metadata.js';
import { SessionLoaderGuard } from './session-loader.guard.js';

/** The mark that Nest's `@Controller()`, `@Resolver()` and others leave on classes whose methods it calls. */
const ENTRY = '__entryProvider__';

/**
 * The guard that loads sessions. It does the work of each `SessionGuard` that Nest does not run, or not in all versions:
 *
 * - as an `APP_GUARD`, unless there is one for all, or it is made for each request: one of `Scope.TRANSIENT`, other names;
 * - as an `APP_GUARD` that is made for each request, before gateways, and before resolvers that Nest does not know by their class;
 * - on such a resolver, on such a gateway, and on their methods.
 */
@Injectable()
export class DeputyGuard extends SessionLoaderGuard {
  readonly #source: SessionSource;
  readonly #modules: ModulesContainer;
  /** The messages that it has come by, by the list of their arguments. */
  readonly #seen = new WeakSet<object>();
  #guards: readonly GlobalGuard[] | null = null;
  #classes: ProviderClasses | null = null;

  constructor(@Inject(SessionSource) source: SessionSource, @Inject(ModulesContainer) modules: ModulesContainer) {
    super(source);
    this.#source = source;
    this.#modules = modules;
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const isMessage = context.getType() === 'ws';
    if (isMessage) this.#seen.add(context.getArgs());
    const isLeftOut = this.#guardsOfApplication().some((guard) => !isOne(guard) && !this.#isRun(guard, context));
    if (!isLeftOut && !this.#isUnguarded(context)) return super.canActivate(context);
    return this.#checked(context);
  }

  /** For gateways, after all guards of the application: what Nest 11 runs none of there, and Nest 12 all. */
  async canActivateMessage(context: ExecutionContext): Promise<boolean> {
    if (this.#seen.has(context.getArgs())) return true;
    for (const { wrapper } of this.#guardsOfApplication().filter(isOne)) {
      const answer = await (wrapper.instance as CanActivate).canActivate(context);
      if (!(isObservable(answer) ? await lastValueFrom(answer) : answer)) return false;
    }
    return this.canActivate(context);
  }

  /** Does what every `SessionGuard` does, unless it does more, as well. */
  async #checked(context: ExecutionContext): Promise<boolean> {
    return (await checkAccess(this.#source, context)) && super.canActivate(context);
  }

  /** Each `SessionGuard` that is provided as an `APP_GUARD`. */
  #guardsOfApplication(): readonly GlobalGuard[] {
    if (this.#guards !== null) return this.#guards;
    const found: GlobalGuard[] = [];
    for (const { providers, injectables } of this.#modules.values()) {
      for (const [token, wrapper] of [...providers, ...injectables]) {
        if (typeof token !== 'string' || !token.startsWith(`${APP_GUARD} (`)) continue;
        const guard = { wrapper, isScoped: injectables.has(token) };
        if (isSessionGuard(isOne(guard) ? wrapper.instance : this.#classOf(wrapper))) found.push(guard);
      }
    }
    return (this.#guards = found);
  }

  /** Whether Nest runs one that is made anew, in all versions. */
  #isRun({ wrapper, isScoped }: GlobalGuard, context: ExecutionContext): boolean {
    if (!isScoped || wrapper.isDependencyTreeStatic()) return false;
    switch (context.getType<string>()) {
      case 'ws':
        return false;
      case 'graphql':
        return Reflect.hasMetadata(ENTRY, context.getClass()) && !this.#classesOf().unknown.has(context.getClass());
      default:
        return true;
    }
  }

  /** Whether a handler has requirements of its own or of its class whose guards Nest does not find. */
  #isUnguarded(context: ExecutionContext): boolean {
    if (context.getType() === 'http' || metadataOf(context).requirements.length === 0) return false;
    return this.#classesOf().unguarded.has(context.getClass());
  }

  #classesOf(): ProviderClasses {
    if (this.#classes !== null) return this.#classes;
    const [unknown, unguarded] = [new Set<unknown>(), new Set<unknown>()];
    for (const { providers, injectables } of this.#modules.values()) {
      for (const wrapper of providers.values()) {
        if (wrapper.isAlias) continue;
        const isKnown = isKnownByClass(wrapper);
        const maker = makerOf(wrapper.instance);
        if (!isKnown) unknown.add(maker);
        if (!isKnown || !areFound(wrapper.metatype as Type, injectables)) unguarded.add(maker);
      }
    }
    return (this.#classes = { unknown, unguarded });
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
}

/** What Nest keeps of a provider. */
type InstanceWrapper = Module['providers'] extends Map<unknown, infer Wrapper> ? Wrapper : never;
type Module = ModulesContainer extends Map<unknown, infer One> ? One : never;

/** A guard that is provided as an `APP_GUARD`, and whether Nest takes it for one that is made anew. */
interface GlobalGuard {
  readonly wrapper: InstanceWrapper;
  readonly isScoped: boolean;
}

/** Classes of providers. */
interface ProviderClasses {
  /** Those that Nest does not know by themselves: it has them from a factory, as a value, or under another name. */
  readonly unknown: ReadonlySet<unknown>;
  /** Those, and others with a guard that Nest does not find. */
  readonly unguarded: ReadonlySet<unknown>;
}

/** Whether there is one for the whole application. */
function isOne({ wrapper, isScoped }: GlobalGuard): boolean {
  return !isScoped && wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

function isKnownByClass({ metatype, token, isNotMetatype }: InstanceWrapper): boolean {
  return typeof metatype === 'function' && token === metatype && !isNotMetatype;
}

/** Whether Nest finds each `SessionGuard` of a class, and of its methods: it looks in the module, by that guard's class. */
function areFound(type: Type, injectables: Module['injectables']): boolean {
  const methods = inheritanceOf(type).flatMap((one) => [...methodsOf(one)].map(([, method]) => method));
  const guards = [type, ...methods].flatMap((one) => (Reflect.getMetadata(GUARDS, one) ?? []) as readonly unknown[]);
  return guards.every(
    (guard) => typeof guard !== 'function' || !isSessionGuard(guard) || injectables.has(guard as Type),
  );
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
