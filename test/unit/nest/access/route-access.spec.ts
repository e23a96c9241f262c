import { type CanActivate, Injectable, type Type, UseGuards } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { Authorize, Public, SessionConfigurationError, SessionGuard } from 'nestjs-mikro-session';
import { assertNoContradictions } from '../../../../lib/nest/access/access-contradictions.js';
import {
  accessOf,
  noteGuardedClasses,
  statementOnClass,
  statementOnMethod,
} from '../../../../lib/nest/access/route-access.js';

@Injectable()
class OwnGuard extends SessionGuard {}
class PassGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const SIGNED_IN = { roles: [], permissions: [], within: null };
const role = (name: string) => ({ ...SIGNED_IN, roles: [name] });

class Plain {
  nothing(): void {}
  @Public() open(): void {}
  @UseGuards(SessionGuard) guarded(): void {}
  @UseGuards(PassGuard, OwnGuard) ownGuard(): void {}
  @UseGuards(new SessionGuard()) instance(): void {}
  @UseGuards(PassGuard) otherGuard(): void {}
  @Authorize({ roles: ['a'] }) @Authorize({ roles: ['b'] }) two(): void {}
  @Authorize() any(): void {}
}
@Authorize({ roles: ['base'] })
class Base {
  inherited(): void {}
  @Public() inheritedOpen(): void {}
  @Authorize({ roles: ['overridden'] }) overridden(): void {}
  @Authorize({ roles: ['overridden'] }) openlyOverridden(): void {}
}
@Authorize({ roles: ['class'] })
class Derived extends Base {
  own(): void {}
  @Public() open(): void {}
  override overridden(): void {}
  @Public() override openlyOverridden(): void {}
}
@Public()
class OpenDerived extends Base {
  own(): void {}
  @Authorize({ roles: ['own'] }) closed(): void {}
  override overridden(): void {}
}
class BelowOpen extends OpenDerived {
  below(): void {}
}
@Public()
class OpenBase {
  inherited(): void {}
}
@UseGuards(SessionGuard)
class GuardedDerived extends OpenBase {}

const access = (type: Type, handler: string) =>
  accessOf(type, (type.prototype as Record<string, object>)[handler] as object);

describe('statementOnMethod and statementOnClass', () => {
  it.each<[string, { isPublic: boolean; requirements: unknown[] }]>([
    ['nothing', { isPublic: false, requirements: [] }],
    ['open', { isPublic: true, requirements: [] }],
    ['guarded', { isPublic: false, requirements: [SIGNED_IN] }],
    ['ownGuard', { isPublic: false, requirements: [SIGNED_IN] }],
    ['instance', { isPublic: false, requirements: [SIGNED_IN] }],
    ['otherGuard', { isPublic: false, requirements: [] }],
    ['two', { isPublic: false, requirements: [role('b'), role('a')] }],
    ['any', { isPublic: false, requirements: [SIGNED_IN] }],
  ])('reads what is said on %s()', (name, statement) => {
    expect(statementOnMethod((Plain.prototype as unknown as Record<string, object>)[name] as object)).toEqual(
      statement,
    );
  });

  it('leaves out what a class inherits', () => {
    class Below extends Derived {}
    expect(statementOnClass(Below)).toEqual({ isPublic: false, requirements: [] });
    @UseGuards(PassGuard)
    class GuardedBelow extends GuardedDerived {}
    expect(statementOnClass(GuardedBelow)).toEqual({ isPublic: false, requirements: [] });
    @UseGuards(SessionGuard)
    class GuardedAnew extends GuardedDerived {}
    expect(statementOnClass(GuardedAnew).requirements).toEqual([SIGNED_IN]);
  });

  it('reads all guards of a class where none were taken over', () => {
    class Standing extends GuardedDerived {}
    Reflect.defineMetadata('__guards__', [OwnGuard], Standing);
    @UseGuards(PassGuard, PassGuard)
    class PassBase {}
    class StandingPartly extends PassBase {}
    Reflect.defineMetadata('__guards__', [PassGuard, SessionGuard], StandingPartly);
    expect(statementOnClass(StandingPartly).requirements).toEqual([SIGNED_IN]);
    expect(statementOnClass(Standing).requirements).toEqual([SIGNED_IN]);
  });
});

describe('accessOf', () => {
  it.each<[string, Type, string, boolean, unknown[], boolean]>([
    ['nothing', Plain, 'nothing', false, [], false],
    ['a public handler', Plain, 'open', true, [], false],
    ['a handler’s own', Plain, 'any', false, [SIGNED_IN], false],
    ['the class and its base class', Derived, 'own', false, [role('class'), role('base')], false],
    ['a public handler, in its class', Derived, 'open', true, [], false],
    ['an inherited handler', Derived, 'inherited', false, [role('class'), role('base')], false],
    ['an inherited public handler, past its subclass', Derived, 'inheritedOpen', false, [role('class')], false],
    ['an overridden method', Derived, 'overridden', false, [role('class'), role('base'), role('overridden')], true],
    ['an overridden method, by a public handler', Derived, 'openlyOverridden', true, [], false],
    ['a public class', OpenDerived, 'own', true, [], false],
    ['a handler of a public class', OpenDerived, 'closed', false, [role('own')], false],
    ['an overridden method of a public class’s base', OpenDerived, 'overridden', false, [role('overridden')], true],
    ['the base of a public class, from below', BelowOpen, 'below', true, [], false],
    ['a guarded class over a public one', GuardedDerived, 'inherited', false, [SIGNED_IN], false],
  ])('adds up: %s', (_what, type, handler, isPublic, requirements, isGuardedUnseen) => {
    expect(access(type, handler)).toEqual({ isPublic, requirements, isGuardedUnseen });
  });

  it('takes a function that an instance has in the place of a method for that method', () => {
    const spies = { overridden: (): void => {} };
    expect(accessOf(Derived, spies.overridden).requirements).toEqual([role('class'), role('base'), role('overridden')]);
    const bound = spies.overridden.bind(null);
    for (const one of [bound, bound.bind(null)]) {
      expect(accessOf(Derived, one).requirements).toEqual([role('class'), role('base'), role('overridden')]);
    }
  });

  it('does not take a function for the method of another name that ends alike', () => {
    class Spoken {
      @Authorize({ roles: ['whole'] }) 'not bound list'(): void {}
      @Authorize({ roles: ['end'] }) 'not list'(): void {}
    }
    const spies = { 'not bound list': (): void => {} };
    expect(accessOf(Spoken, spies['not bound list']).requirements).toEqual([role('whole')]);
  });

  it('asks of a function that is no method of the class for what each of the methods asks for, whatever it says itself', () => {
    expect(accessOf(Derived, () => {}).requirements).toEqual([
      role('class'),
      role('base'),
      role('overridden'),
      role('overridden'),
    ]);
    const stranger = (): void => {};
    Public()(stranger);
    expect(accessOf(GuardedDerived, stranger)).toMatchObject({ isPublic: false, requirements: [SIGNED_IN] });
    expect(accessOf(Derived, stranger).requirements).toContainEqual(role('overridden'));
  });
});

describe('accessOf a class in whose place a decorator has put another, below @Authorize()', () => {
  const copied = (type: Type): Type => {
    const made = function made(...args: unknown[]): object {
      return Reflect.construct(type, args, new.target ?? type) as object;
    };
    made.prototype = type.prototype as object;
    return made as unknown as Type;
  };
  const proxied = (type: Type): Type => new Proxy(type, {});

  it.each<[string, (type: Type) => Type]>([
    ['a proxy', proxied],
    ['a function of the same prototype', copied],
  ])('has the requirements checked where Nest goes by the prototype: %s', (_what, replace) => {
    class Original {
      list(): void {}
      @Public() open(): void {}
    }
    const replacement = replace(Original);
    Authorize({ roles: ['admin'] })(replacement);
    class Below extends Original {}
    for (const type of [Original, Below]) {
      expect(access(type, 'list')).toEqual({
        isPublic: false,
        requirements: [role('admin')],
        isGuardedUnseen: true,
      });
      expect(access(type, 'open')).toEqual({ isPublic: true, requirements: [], isGuardedUnseen: false });
    }
    expect(access(replacement, 'list').isGuardedUnseen).toBe(false);
  });

  it.each<[string, (type: Type) => Type]>([
    ['a proxy', proxied],
    ['a function of the same prototype', copied],
  ])('has @UseGuards(SessionGuard) in the place of @Authorize() checked as well: %s', (_what, replace) => {
    class Original {
      list(): void {}
      @Public() open(): void {}
    }
    const replacement = replace(Original);
    UseGuards(PassGuard, OwnGuard)(replacement);
    const controllers = new Map([['one', { metatype: replacement, instance: undefined }]]);
    const modules = new Map([['one', { controllers, providers: new Map() }]]) as unknown as ModulesContainer;
    for (let times = 0; times < 2; times++) noteGuardedClasses(modules);
    expect(access(Original, 'list')).toEqual({ isPublic: false, requirements: [SIGNED_IN], isGuardedUnseen: true });
    expect(access(Original, 'open')).toEqual({ isPublic: true, requirements: [], isGuardedUnseen: false });
    expect(access(replacement, 'list')).toEqual({ isPublic: false, requirements: [SIGNED_IN], isGuardedUnseen: false });
    expect(() => assertNoContradictions(modules)).not.toThrow();
  });

  it('adds nothing of a guard where @Authorize() brings it, or where there is none', () => {
    class Original {
      list(): void {}
    }
    class Free {
      list(): void {}
    }
    const replacement = copied(Original);
    Authorize({ roles: ['admin'] })(replacement);
    const types = [replacement, copied(Free), Plain];
    const controllers = new Map(types.map((metatype, at) => [at, { metatype, instance: undefined }]));
    noteGuardedClasses(new Map([['one', { controllers, providers: new Map() }]]) as unknown as ModulesContainer);
    expect(access(Original, 'list').requirements).toEqual([role('admin')]);
    for (const [type, handler] of [
      [Free, 'list'],
      [Plain, 'nothing'],
    ] as const) {
      expect(access(type, handler)).toEqual({ isPublic: false, requirements: [], isGuardedUnseen: false });
    }
  });

  it('has those checked, too, that Nest sees only a part of', () => {
    @Authorize()
    class Original {
      list(): void {}
    }
    Authorize({ roles: ['admin'] })(proxied(Original));
    expect(access(Original, 'list')).toEqual({
      isPublic: false,
      requirements: [SIGNED_IN, role('admin')],
      isGuardedUnseen: true,
    });
  });
});

describe('@Authorize()', () => {
  const HINT = "a number of milliseconds, or a string such as '30s', '15m', '12h', '30d'";

  it('refuses what would let in every user', () => {
    for (const names of [[], [''], ['a', ''], 'admin', null, [1]] as never[]) {
      for (const option of ['roles', 'permissions']) {
        expect(() => Authorize({ [option]: names })).toThrow(
          new SessionConfigurationError(
            `@Authorize({ ${option} }) must be a list of names, and not an empty one. Fix: name them, or leave it out to ` +
              'let in every user.',
          ),
        );
      }
    }
  });

  it('refuses a time that is none', () => {
    expect(() => Authorize({ within: 'soon' })).toThrow(
      new SessionConfigurationError(`@Authorize({ within }) must be ${HINT}, but was "soon". Fix: correct it.`),
    );
  });
});

describe('assertNoContradictions', () => {
  @Public()
  @Authorize()
  class Contradictory {}
  class Below extends Contradictory {}
  class Method {
    @Public() @UseGuards(SessionGuard) list(): void {}
  }
  const modules = (controllers: unknown[], providers: unknown[] = []) =>
    new Map([
      ['one', { controllers: new Map(), providers: new Map() }],
      ['two', { controllers: new Map(controllers.entries()), providers: new Map(providers.entries()) }],
    ]) as never;
  const ON_CLASS =
    'On the class Contradictory, @Public() stands beside @Authorize() or @UseGuards(SessionGuard): the one lets every ' +
    'visitor in, the other does not. Fix: remove one of the two, or move one to the handlers that it is meant for.';
  const ON_METHOD =
    'On Method.list(), @Public() stands beside @Authorize() or @UseGuards(SessionGuard): the one lets every visitor in, ' +
    'the other does not. Fix: remove one of the two.';

  it.each<[string, never, string]>([
    ['a controller', modules([{ metatype: Contradictory }]), ON_CLASS],
    ['a base class', modules([{ metatype: Below, instance: null }]), ON_CLASS],
    ['a method', modules([{ metatype: Method }]), ON_METHOD],
    ['a provider', modules([], [{ metatype: Method }]), ON_METHOD],
    ['what a factory made', modules([], [{ metatype: null, instance: new Method() }]), ON_METHOD],
  ])('refuses %s that says both', (_what, contradictory, message) => {
    expect(() => assertNoContradictions(contradictory)).toThrow(new SessionConfigurationError(message));
  });

  const copied = (type: Type): Type => Object.assign(function () {}, { prototype: type.prototype as object }) as never;

  it('refuses a class in whose place a decorator above has put another one, which knows nothing of what is required', () => {
    @Authorize()
    class Original {}
    const message =
      'On the class Original, a decorator above @Authorize() or @UseGuards(SessionGuard) has put another class in its ' +
      'place, and nothing guards that. Fix: move @Authorize() or @UseGuards(SessionGuard) above it.';
    const replacement = copied(Original);
    class BelowReplacement extends (replacement as typeof Original) {}
    Object.setPrototypeOf(BelowReplacement, replacement);
    for (const metatype of [replacement, BelowReplacement]) {
      expect(() => assertNoContradictions(modules([{ metatype }]))).toThrow(new SessionConfigurationError(message));
    }
    class Above {}
    const guarded = copied(Above);
    Authorize()(guarded);
    expect(() => assertNoContradictions(modules([{ metatype: guarded }]))).not.toThrow();
  });

  it('refuses a method in whose place a decorator above has put another function, which knows nothing of what is required', () => {
    const replace =
      (isHeir: boolean): MethodDecorator =>
      (_target, _name, descriptor: PropertyDescriptor) => {
        const method = descriptor.value as object;
        descriptor.value = () => {};
        if (isHeir) Object.setPrototypeOf(descriptor.value as object, method);
      };
    class Lost {
      @replace(false) @Authorize() list(): void {}
    }
    class Kept {
      @Authorize() @replace(false) above(): void {}
      @replace(true) @Authorize() heir(): void {}
    }
    expect(() => assertNoContradictions(modules([{ metatype: Lost }]))).toThrow(
      new SessionConfigurationError(
        'On Lost.list(), a decorator above @Authorize() has put another function in the place of the method, and nothing ' +
          'guards that. Fix: move @Authorize() above it.',
      ),
    );
    expect(() => assertNoContradictions(modules([{ metatype: Kept }]))).not.toThrow();
  });

  it('passes over what is no class, and what says one thing', () => {
    const bare: unknown = Object.create(null);
    const oddlyMade = { constructor: 'none' };
    const providers = [null, undefined, 'text', 7, () => {}, bare, Object.create(oddlyMade)].map((instance) => ({
      metatype: null,
      instance,
    }));
    expect(() => assertNoContradictions(modules([{ metatype: Plain }], providers))).not.toThrow();
  });
});
