import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** Where a method notes itself. What copies its metadata to another function, or inherits from it, takes the note along. */
const METHOD = 'nestjs-mikro-session:method';

/**
 * Notes the methods of all controllers, gateways and resolvers, so that {@link methodOf} knows them by the functions that
 * instrumentation puts in their place when Nest makes its routes, or a constructor as it binds them.
 */
export function noteMethods(modules: ModulesContainer): void {
  for (const [type, instances] of typesOf(modules)) {
    for (const one of inheritanceOf(type)) {
      for (const [name, method] of methodsOf(one)) {
        Reflect.defineMetadata(METHOD, method, method);
        for (const instance of instances) noteStandIn(instance, name, (type.prototype as Methods)[name]);
      }
    }
  }
}

type Methods = Record<PropertyKey, unknown>;

/** What a function stands for that stands in the place of several methods: none of them, so that it must meet what all require. */
const SEVERAL = {};

function noteStandIn(instance: object, name: PropertyKey, method: unknown): void {
  const own: unknown = Reflect.getOwnPropertyDescriptor(instance, name)?.value;
  if (typeof own !== 'function' || own === method) return;
  const known: unknown = Reflect.getMetadata(METHOD, own);
  Reflect.defineMetadata(METHOD, known === undefined || known === method ? method : SEVERAL, own);
}

/** The method that a handler stands for, as far as it is known: the handler itself, nearly always. */
export function methodOf(handler: object): object {
  return (Reflect.getMetadata(METHOD, handler) as object | undefined) ?? handler;
}

/**
 * The classes of all controllers and providers, and the instances there are of each. Gateways and resolvers are providers,
 * and may come from a factory.
 */
export function typesOf(modules: ModulesContainer): Map<Type, object[]> {
  const types = new Map<Type, object[]>();
  const instancesOf = (type: Type): object[] => {
    const instances = types.get(type) ?? [];
    types.set(type, instances);
    return instances;
  };
  for (const { controllers, providers } of modules.values()) {
    for (const { metatype, instance } of [...controllers.values(), ...providers.values()]) {
      if (typeof metatype === 'function') instancesOf(metatype as Type);
      const prototype =
        typeof instance === 'object' && instance !== null && (Object.getPrototypeOf(instance) as object);
      if (!prototype) continue;
      // A class decorator may have put another class in the place of the one that the prototype names.
      const isOfMetatype = typeof metatype === 'function' && metatype.prototype === prototype;
      const maker: unknown = isOfMetatype ? metatype : prototype.constructor;
      if (typeof maker === 'function') instancesOf(maker as Type).push(instance);
    }
  }
  return types;
}

/** A class and its base classes, the nearest first. */
export function inheritanceOf(type: Type): Type[] {
  const classes: Type[] = [];
  for (let one: unknown = type; typeof one === 'function' && 'prototype' in one; one = Object.getPrototypeOf(one)) {
    classes.push(one as Type);
  }
  return classes;
}

/** The methods that a class has itself, by name. */
export function* methodsOf({ prototype }: Type): Generator<[PropertyKey, object]> {
  for (const key of Reflect.ownKeys(prototype as object)) {
    const value: unknown = Reflect.getOwnPropertyDescriptor(prototype as object, key)?.value;
    if (key !== 'constructor' && typeof value === 'function') yield [key, value];
  }
}
