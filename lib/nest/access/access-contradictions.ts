import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { SessionConfigurationError } from '../../session.errors.js';
import {
  hasLostRequirements,
  inheritanceOf,
  methodsOf,
  type Statement,
  statementOnClass,
  statementOnMethod,
} from './route-access.js';

/**
 * Looks at all controllers, gateways and resolvers, and at their base classes.
 *
 * @throws {SessionConfigurationError} where one class or handler is `@Public()` and has requirements as well, and where a method
 * has lost them.
 */
export function assertNoContradictions(modules: ModulesContainer): void {
  for (const type of typesOf(modules)) {
    for (const one of inheritanceOf(type)) {
      assertOneVoice(
        statementOnClass(one),
        `the class ${one.name}`,
        ', or move one to the handlers that it is meant for',
      );
      for (const [name, method] of methodsOf(one)) {
        const where = `${one.name}.${String(name)}()`;
        assertOneVoice(statementOnMethod(method), where);
        if (hasLostRequirements(one, name, method)) throw lostRequirements(where);
      }
    }
  }
}

function assertOneVoice({ isPublic, requirements }: Statement, where: string, orElse = ''): void {
  if (!isPublic || requirements.length === 0) return;
  throw new SessionConfigurationError(
    `On ${where}, @Public() stands beside @Authorize() or @UseGuards(SessionGuard): the one lets every visitor in, the other ` +
      `does not. Fix: remove one of the two${orElse}.`,
  );
}

function lostRequirements(where: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `On ${where}, a decorator above @Authorize() has put another function in the place of the method, and nothing guards that. ` +
      'Fix: move @Authorize() above it.',
  );
}

/** Gateways and resolvers are providers, and may come from a factory. */
function typesOf(modules: ModulesContainer): Set<Type> {
  const types = new Set<Type>();
  for (const { controllers, providers } of modules.values()) {
    for (const { metatype, instance } of [...controllers.values(), ...providers.values()]) {
      if (typeof metatype === 'function') types.add(metatype as Type);
      const isObject = typeof instance === 'object' && instance !== null;
      const maker = isObject && (Object.getPrototypeOf(instance) as object | null)?.constructor;
      if (typeof maker === 'function') types.add(maker as Type);
    }
  }
  return types;
}
