import type { CanActivate, Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { inheritanceOf, methodOf, methodsOf, typesOf } from './methods.js';

/** Where `@Public()` leaves its mark. */
export const PUBLIC = 'nestjs-mikro-session:public';
/**
 * Where `@Authorize()` leaves its {@link Requirements}, a list: those of one target add up. Of a method, they are on the function,
 * and noted on the prototype under its name; of a class, on the class, and noted on the prototype.
 */
export const AUTHORIZE = 'nestjs-mikro-session:authorize';
/** The mark of `SessionGuard`, which its subclasses inherit. */
export const SESSION_GUARD = 'nestjs-mikro-session:guard';
/** The mark of the guard that is put among those of gateways: it requires nothing. */
export const DEPUTY = 'nestjs-mikro-session:deputy';
/** Where Nest's `@UseGuards()` leaves guards. On a class, the list begins with that of its base class. */
export const GUARDS = '__guards__';

/** What a handler, or a class, asks of a visitor who is signed in. */
export interface Requirements {
  /** One of these roles is enough. */
  readonly roles: readonly string[];
  /** All of these permissions are needed. */
  readonly permissions: readonly string[];
  /** How long ago the login may be, in milliseconds; `null`: as long as the session lasts. */
  readonly within: number | null;
}

const SIGNED_IN: Requirements = { roles: [], permissions: [], within: null };

/** Whom the decorators of a route let in. */
export interface RouteAccess {
  /** Whether every visitor is let in, whatever guard stands before the route. */
  readonly isPublic: boolean;
  /** All must be met. */
  readonly requirements: readonly Requirements[];
  /**
   * Whether there are requirements whose guard Nest does not run: of a method that the handler overrides, or stands in for, as
   * it runs the guards of the handler's own function alone; and of a class that a decorator has put in the place of this one.
   */
  readonly isGuardedUnseen: boolean;
}

/** What is said about access on one target, a class or a method. */
export interface Statement {
  readonly isPublic: boolean;
  readonly requirements: readonly Requirements[];
}

/** Whether `@Authorize()` was said of a method whose function does not know of it. */
export function hasLostRequirements({ prototype }: Type, name: PropertyKey, method: object): boolean {
  const known = (Reflect.getMetadata(AUTHORIZE, method) ?? []) as readonly Requirements[];
  return !notedOn(prototype as object, name as string).every((requirements) => known.includes(requirements));
}

/** Whether `@Authorize()` was said of a class that is not among those that share, or inherit, its prototype. */
export function hasLostClass({ prototype }: Type, inheritance: readonly Type[]): boolean {
  const known = inheritance.flatMap((one) => notedOn(one));
  return !notedOn(prototype as object).every((requirements) => known.includes(requirements));
}

/**
 * Notes what `@UseGuards(SessionGuard)` requires of a class that a decorator has put in the place of another, as `@Authorize()` does at
 * once: above that decorator, on the class and on the prototype that both share; below it, on the prototype alone.
 */
export function noteGuardedClasses(modules: ModulesContainer): void {
  for (const type of [...typesOf(modules).keys()].flatMap(inheritanceOf)) {
    const prototype = type.prototype as { readonly constructor: unknown };
    const original = prototype.constructor;
    if (original === type || typeof original !== 'function') continue;
    const isGuarded = (one: Type): boolean => notedOn(one).length === 0 && ownGuards(one).some(isSessionGuard);
    if (isGuarded(type)) note(type, prototype);
    else if (isGuarded(original as Type)) note(original, prototype);
  }
}

function note(...targets: readonly object[]): void {
  for (const one of targets) Reflect.defineMetadata(AUTHORIZE, [...new Set([...notedOn(one), SIGNED_IN])], one);
}

function notedOn(target: object, name?: string): readonly Requirements[] {
  return (Reflect.getOwnMetadata(AUTHORIZE, target, name as string) ?? []) as readonly Requirements[];
}

/**
 * What is said on a class itself: what it inherits is left out. Nest knows a class by what its prototype names, in whose place a
 * decorator may have put another.
 */
export function statementOnClass(type: Type): Statement {
  const authorize = new Set([...notedOn(type), ...notedOn(type.prototype as object)]);
  return {
    isPublic: Reflect.getOwnMetadata(PUBLIC, type) === true,
    requirements: requiredBy([...authorize], ownGuards(type)),
  };
}

/**
 * What is said on a method: on its function, and on what that inherits from. Some decorators put a function in the place of the
 * method that inherits from it, so that Nest finds the guards, and these must find what they are there for.
 */
export function statementOnMethod(method: object): Statement {
  return {
    isPublic: Reflect.getMetadata(PUBLIC, method) === true,
    requirements: requiredBy(Reflect.getMetadata(AUTHORIZE, method), Reflect.getMetadata(GUARDS, method)),
  };
}

function requiredBy(authorize: readonly Requirements[] = [], guards: readonly unknown[] = []): readonly Requirements[] {
  return authorize.length === 0 && guards.some(isSessionGuard) ? [SIGNED_IN] : authorize;
}

/**
 * Adds up what is said on the way from the application to a handler. A `@Public()` lifts what is said further away, and
 * nothing else:
 *
 * - On a class: what its base classes require, but nothing that a method does.
 * - On a handler: what the class that it is written in requires, the base classes of that, and the methods that it
 *   overrides; but nothing that a subclass does, which inherits the handler. Overridden, it lifts nothing.
 *
 * What `SessionGuard` requires as a guard of the whole application, any `@Public()` lifts.
 */
export function accessOf(controller: Type, handler: object): RouteAccess {
  const classes = inheritanceOf(controller);
  const method = methodOf(handler);
  const { written, isFound, overridden } = whereabouts(classes, method);
  const own = statementOnMethod(method);
  const above = own.isPublic && isFound ? [] : overridden.flatMap((one) => statementOnMethod(one).requirements);
  const statements = classes.map(statementOnClass);
  const publicClass = statements.findIndex(({ isPublic }) => isPublic);
  const isLifted = (index: number): boolean =>
    (own.isPublic && index >= written) || (publicClass >= 0 && index > publicClass);
  const requirements = [
    ...statements.flatMap((statement, index) => (isLifted(index) ? [] : statement.requirements)),
    ...above,
    ...own.requirements,
  ];
  return {
    isPublic: requirements.length === 0 && (own.isPublic || publicClass >= 0),
    requirements,
    isGuardedUnseen:
      above.length > 0 ||
      (method !== handler && own.requirements.length > 0) ||
      // Of a class that was replaced, below @Authorize(), what the prototype notes is not on the class.
      classes.some((type, index) => !isLifted(index) && hasLostClass(type, [type])),
  };
}

/**
 * Which of the classes a method is written in, and what it overrides there. A function that is no method of theirs, nor known
 * to stand for one, lifts nothing that a class requires, and has to meet what the methods of its name require; where there
 * are none, what all of them do.
 */
function whereabouts(classes: readonly Type[], method: object): Whereabouts {
  const methods = classes.map((type) => new Map(methodsOf(type)));
  for (const [written, own] of methods.entries()) {
    for (const [name, one] of own) {
      if (one === method) return { written, isFound: true, overridden: overriddenBy(name, methods.slice(written + 1)) };
    }
  }
  const name = ((method as { name?: string }).name ?? '').replace(/^(bound )+/, '');
  const named = overriddenBy(name, methods);
  const overridden = named.length > 0 ? named : methods.flatMap((own) => [...own.values()]);
  return { written: classes.length, isFound: false, overridden };
}

interface Whereabouts {
  /** The index of a class. */
  readonly written: number;
  readonly isFound: boolean;
  readonly overridden: readonly object[];
}

function overriddenBy(name: PropertyKey, methods: readonly ReadonlyMap<PropertyKey, object>[]): object[] {
  return methods.flatMap((one) => one.get(name) ?? []);
}

/** Without those that `@UseGuards()` has taken over from the base class. */
function ownGuards(type: Type): readonly unknown[] {
  const guards = withoutDeputy(Reflect.getOwnMetadata(GUARDS, type));
  const inherited = withoutDeputy(Reflect.getMetadata(GUARDS, Object.getPrototypeOf(type) as object));
  return inherited.every((guard, index) => guard === guards[index]) ? guards.slice(inherited.length) : guards;
}

function withoutDeputy(guards: readonly object[] = []): readonly unknown[] {
  return guards.filter((guard) => Reflect.getMetadata(DEPUTY, guard) !== true);
}

/** Whether it is a `SessionGuard`, or extends it: Nest takes classes and instances. */
export function isSessionGuard(guard: unknown): boolean {
  const type: unknown = typeof guard === 'function' ? guard : (guard as Partial<CanActivate> | null)?.constructor;
  return typeof type === 'function' && Reflect.getMetadata(SESSION_GUARD, type) === true;
}
