import { Controller, Get, type Type, UseGuards } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Authorize, Public, SessionGuard, SkipSession } from 'nestjs-mikro-session';

type Decorator = ClassDecorator & MethodDecorator;

/** What can be said about access on one class or method. */
export const WORDS = {
  nothing: [],
  Public: [Public()],
  SkipSession: [SkipSession()],
  SessionGuard: [UseGuards(SessionGuard)],
  roles: [Authorize({ roles: ['admin'] })],
  within: [Authorize({ within: '10m' })],
} satisfies Record<string, Decorator[]>;
export type Word = keyof typeof WORDS;

/**
 * Where the handler is: `written` in the class itself; `inherited` from the base class; or `overriding` a method of the
 * base class about which something is said, too.
 */
export type Shape = 'written' | 'inherited' | 'overriding';
export type Place = 'base' | 'class' | 'overridden' | 'handler';

/** A handler, and what is said on the way to it. */
export interface Route {
  readonly name: string;
  readonly shape: Shape;
  readonly said: Readonly<Record<Place, readonly Word[]>>;
}

const EACH = (Object.keys(WORDS) as Word[]).map((word): readonly Word[] => [word]);
const ON_HANDLERS: readonly (readonly Word[])[] = [...EACH, ['roles', 'within'], ['Public', 'SkipSession']];
const NOTHING: readonly Word[] = ['nothing'];
/** What is enough to see what inheritance changes. */
const FEW: readonly (readonly Word[])[] = [NOTHING, ['Public'], ['SessionGuard'], ['roles']];

/** The routes of one class. */
export interface RoutesOfClass {
  readonly name: string;
  readonly base: readonly Word[];
  readonly own: readonly Word[];
  readonly routes: readonly Route[];
}

export const CLASSES: readonly RoutesOfClass[] = EACH.flatMap((base) =>
  EACH.map((own) => {
    const name = `${base.join()}_${own.join()}`;
    const routes: Route[] = [];
    const add = (shape: Shape, handler: readonly Word[], overridden = NOTHING): void => {
      routes.push({ name: `${name}_${routes.length}`, shape, said: { base, class: own, overridden, handler } });
    };
    for (const handler of ON_HANDLERS) add('written', handler);
    if (isAmong(FEW, base) && isAmong(FEW, own)) {
      for (const handler of FEW) {
        add('inherited', handler);
        if (isAmong([NOTHING], base)) for (const overridden of FEW) add('overriding', handler, overridden);
      }
    }
    return { name, base, own, routes };
  }),
);

function isAmong(list: readonly (readonly Word[])[], words: readonly Word[]): boolean {
  return list.some((one) => one.join() === words.join());
}

/** What makes a class and its methods answer, over one protocol. */
export interface Protocol {
  readonly ofClass: (name: string) => ClassDecorator;
  readonly ofBase: ClassDecorator;
  readonly ofMethod: (name: string) => MethodDecorator;
  readonly answer: () => unknown;
}

export const PROTOCOLS = {
  http: { ofClass: () => Controller(), ofBase: () => {}, ofMethod: (name) => Get(name), answer: () => 'open' },
  gateway: {
    // Each has sockets of its own: all messages of a socket would go to all gateways.
    ofClass: (name) => WebSocketGateway({ path: `/${name}` }),
    ofBase: () => {},
    ofMethod: (name) => SubscribeMessage(name),
    answer: () => ({ event: 'answer', data: 'open' }),
  },
  graphql: {
    ofClass: () => Resolver(),
    ofBase: Resolver({ isAbstract: true }),
    ofMethod: (name) => Query(() => String, { name, nullable: true }),
    answer: () => 'open',
  },
} satisfies Record<string, Protocol>;

/** Classes with these routes, as they would be written with decorators. */
export function classesOf({ ofClass, ofBase, ofMethod, answer }: Protocol): Type[] {
  return CLASSES.map(({ name: className, base, own, routes }) => {
    class Base {}
    class Derived extends Base {}
    const write = ({ prototype }: Type, name: string, decorators: readonly Decorator[]): void => {
      const descriptor: PropertyDescriptor = { value: () => answer(), configurable: true, writable: true };
      Object.defineProperty(prototype, name, descriptor);
      for (const decorate of decorators) decorate(prototype as object, name, descriptor);
    };
    for (const { name, shape, said } of routes) {
      const decorators = [...decoratorsOf(said.handler), ofMethod(name) as Decorator];
      if (shape === 'overriding') write(Base, name, decoratorsOf(said.overridden));
      write(shape === 'inherited' ? Base : Derived, name, decorators);
    }
    for (const decorate of [...decoratorsOf(base), ofBase]) decorate(Base);
    for (const decorate of [...decoratorsOf(own), ofClass(className)]) decorate(Derived);
    return Derived;
  });
}

function decoratorsOf(words: readonly Word[]): Decorator[] {
  return words.flatMap((word) => WORDS[word]);
}
