import type { Type } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Authorize } from 'nestjs-mikro-session';
import { inheritanceOf, methodOf, methodsOf, noteMethods, typesOf } from '../../../../lib/nest/access/methods.js';
import { accessOf } from '../../../../lib/nest/access/route-access.js';

interface Entry {
  readonly metatype: unknown;
  readonly instance?: unknown;
}

const modules = (controllers: Entry[], providers: Entry[] = []) =>
  new Map([['one', { controllers: new Map(controllers.entries()), providers: new Map(providers.entries()) }]]) as never;

class Base {
  list(): void {}
  show(): void {}
}
class Derived extends Base {
  override list(): void {}
}
const methodOn = ({ prototype }: Type, name: string) => (prototype as Record<string, () => void>)[name] as () => void;
const [list, show] = [methodOn(Derived, 'list'), methodOn(Derived, 'show')];

describe('noteMethods', () => {
  /** Notes the methods of an instance that has these properties of its own. */
  function note(own: object, times = 1): void {
    const instance = Object.assign(new Derived(), own);
    for (let left = times; left > 0; left--) noteMethods(modules([{ metatype: Derived, instance }]));
  }

  it('has each method stand for itself, and a function that nobody knows as well', () => {
    note({});
    const unknown = (): void => {};
    expect([list, show, methodOn(Base, 'list'), unknown].map(methodOf)).toEqual([
      list,
      show,
      methodOn(Base, 'list'),
      unknown,
    ]);
  });

  it('has a function that a constructor has put in the place of a method stand for that', () => {
    const [own, inherited] = [(): void => {}, show.bind(null)];
    note({ list: own, show: inherited }, 2);
    expect([methodOf(own), methodOf(inherited)]).toEqual([list, show]);
  });

  it('has a function that is in the place of several methods stand for none of them', () => {
    const both = (): void => {};
    note({ list: both, show: both }, 2);
    expect([list, show, both]).not.toContain(methodOf(both));
  });

  it('knows what is made of a function that stands for a method, by what is noted on that', () => {
    const own = (): void => {};
    note({ list: own });
    const heir = Object.setPrototypeOf(() => {}, own) as object;
    expect([methodOf(heir), methodOf(Object.setPrototypeOf(() => {}, show) as object)]).toEqual([list, show]);
  });

  it('passes over what an instance has under the name of a method that is no function, or that very method', () => {
    note({ list, show: 'text' });
    expect([methodOf(list), methodOf(show)]).toEqual([list, show]);
  });

  it('leaves a function without a method of that name alone', () => {
    const other = (): void => {};
    note({ other });
    expect(methodOf(other)).toBe(other);
  });
});

describe('typesOf', () => {
  it('gives controllers and providers, each with its instances', () => {
    const [one, other, base] = [new Derived(), new Derived(), new Base()];
    const types = typesOf(
      modules(
        [{ metatype: Derived, instance: one }],
        [{ metatype: Derived, instance: other }, { metatype: Base }, { metatype: null, instance: base }],
      ),
    );
    expect([...types]).toEqual([
      [Derived, [one, other]],
      [Base, [base]],
    ]);
  });

  it('gives what a factory has made by its class, beside the factory', () => {
    const factory = (): Derived => new Derived();
    const instance = factory();
    const types = typesOf(modules([], [{ metatype: factory, instance }]));
    expect([types.get(Derived), types.get(factory as unknown as Type)]).toEqual([[instance], []]);
  });

  it('gives the class that a decorator has put in the place of another, where an instance is of that', () => {
    const replacement = new Proxy(Derived, {});
    const instance = new Derived();
    expect([...typesOf(modules([{ metatype: replacement, instance }]))]).toEqual([[replacement, [instance]]]);
  });

  it('gives nothing of values that no class has made', () => {
    const bare: unknown = Object.create(null);
    const oddlyMade: unknown = Object.create({ constructor: 'none' });
    const values = [null, undefined, 'text', 7, bare, oddlyMade];
    const providers = values.map((instance) => ({ metatype: null, instance }));
    expect([...typesOf(modules([], providers))]).toEqual([]);
  });
});

describe('inheritanceOf and methodsOf', () => {
  it('list the classes, the nearest first, and the methods that a class has itself', () => {
    class Odd extends Derived {
      static of(): void {}
      get value(): number {
        return 1;
      }
      [Symbol.iterator](): void {}
      method(): void {}
    }
    Object.defineProperty(Odd.prototype, 'text', { value: 'text' });
    expect(inheritanceOf(Odd)).toEqual([Odd, Derived, Base]);
    expect([...methodsOf(Odd)].map(([name]) => name)).toEqual(['method', Symbol.iterator]);
  });

  it('come to an end at a class that inherits from nothing at all', () => {
    class Alone {}
    Object.setPrototypeOf(Alone, null);
    expect(inheritanceOf(Alone)).toEqual([Alone]);
  });
});

describe('accessOf a function that stands for a method', () => {
  class Routes {
    @Authorize({ roles: ['admin'] }) closed(): void {}
    free(): void {}
  }
  const role = (name: string) => ({ roles: [name], permissions: [], within: null });

  it('asks for what the method requires, whose guards Nest does not see there', () => {
    const [closed, free] = [(): void => {}, (): void => {}];
    noteMethods(modules([{ metatype: Routes, instance: Object.assign(new Routes(), { closed, free }) }]));
    expect(accessOf(Routes, closed)).toEqual({
      isPublic: false,
      requirements: [role('admin')],
      isGuardedUnseen: true,
    });
    expect(accessOf(Routes, free)).toEqual({ isPublic: false, requirements: [], isGuardedUnseen: false });
  });

  it('asks for what all of them require, where it stands for several', () => {
    const both = (): void => {};
    noteMethods(modules([{ metatype: Routes, instance: Object.assign(new Routes(), { closed: both, free: both }) }]));
    expect(accessOf(Routes, both)).toMatchObject({ requirements: [role('admin')], isGuardedUnseen: true });
  });
});
