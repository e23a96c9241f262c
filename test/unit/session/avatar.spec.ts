import { describe, expect, it } from '@jest/globals';
import { ActiveSession } from '../../../lib/session/active-session.js';
import { argumentsOf } from '../../../lib/session/arguments.js';
import { type AuthSnapshot, Avatar } from '../../../lib/session/avatar.js';
import type { SessionEnvironment, Visitor } from '../../../lib/session/session-environment.js';

describe('Avatar', () => {
  it('of nobody is anonymous and has nothing', () => {
    const avatar = new Avatar(null, null);
    expect(avatar).toMatchObject({ identity: null, isAuthenticated: false, isAnonymous: true });
    expect([avatar.roles, avatar.tags, avatar.permissions]).toEqual([[], [], []]);
    expect(avatar.hasRole('admin') || avatar.hasAnyTag('x') || avatar.hasPermission('x')).toBe(false);
  });

  it('of a user speaks for that user', () => {
    const avatar = new Avatar('ada', { roles: ['editor'], tags: ['vip'], permissions: ['article.edit'] });
    expect(avatar).toMatchObject({ identity: 'ada', isAuthenticated: true, isAnonymous: false });
    expect(avatar).toMatchObject({ roles: ['editor'], tags: ['vip'], permissions: ['article.edit'] });
  });

  it('of a user with an empty id is a user still', () => {
    expect(new Avatar('', null).isAuthenticated).toBe(true);
  });

  it('does not change with the snapshot it was made from, nor freeze it', () => {
    const roles = ['editor'];
    const avatar = new Avatar('ada', { roles });
    roles.push('admin');
    expect(avatar.hasRole('admin')).toBe(false);
    expect(() => (avatar.roles as string[]).push('admin')).toThrow(TypeError);
  });

  it.each<[string, unknown]>([
    ['a string', 'admin'],
    ['null', null],
    ['an object', { 0: 'admin', length: 1 }],
  ])('takes roles that are %s for none', (_what, roles) => {
    expect(new Avatar('ada', { roles } as AuthSnapshot).roles).toEqual([]);
  });

  it('drops members that are no strings', () => {
    const auth = { roles: ['editor', 1, null, ['admin'], { toString: () => 'admin' }] } as unknown as AuthSnapshot;
    expect(new Avatar('ada', auth).roles).toEqual(['editor']);
  });

  it('takes no roles from a member named __proto__', () => {
    const auth = JSON.parse('{"__proto__": {"roles": ["admin"]}}') as AuthSnapshot;
    expect(new Avatar('ada', auth).hasRole('admin')).toBe(false);
  });
});

describe('A prototype that something else has polluted', () => {
  const pollution = {
    roles: ['admin'],
    tags: ['vip'],
    permissions: ['*'],
    userId: 'eve',
    authenticatedAt: 1,
    except: 'x',
  };

  /** Adds members to every object, for as long as something takes. */
  async function polluted<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    for (const [name, value] of Object.entries(pollution)) {
      Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    }
    try {
      return await work();
    } finally {
      for (const name of Object.keys(pollution)) delete (Object.prototype as Record<string, unknown>)[name];
    }
  }

  it.each(['{}', '{"roles": ["editor"]}', '{"__proto__": {}}'])(
    'gives a user no role, tag or permission besides those of the snapshot: %s',
    async (auth) => {
      const avatar = await polluted(() => new Avatar('ada', JSON.parse(auth) as AuthSnapshot));
      expect(avatar.hasRole('admin') || avatar.hasTag('vip') || avatar.hasPermission('x')).toBe(false);
      expect(avatar.roles).toEqual((JSON.parse(auth) as AuthSnapshot).roles ?? []);
    },
  );

  it('gives methods nothing that they were not given by name', async () => {
    const given = await polluted(() =>
      Object.entries(argumentsOf('any', { userId: 'ada' } as Record<string, unknown>)),
    );
    expect(given).toEqual([['userId', 'ada']]);
    const except = await polluted(() => argumentsOf<{ except?: string }>('any', {}).except);
    expect(except).toBeUndefined();
  });

  it('signs no visitor in', async () => {
    const session = new ActiveSession({ endings: { count: 0 } } as SessionEnvironment, {} as Visitor, null);
    const seen = await polluted(() => [session.userId, session.authenticatedAt, session.isAuthenticated]);
    expect(seen).toEqual([null, null, false]);
  });
});

describe('roles and tags', () => {
  const avatar = new Avatar('ada', { roles: ['editor', 'author'], tags: ['vip', 'beta'] });

  it('are compared as they are, case and stars included', () => {
    expect(avatar.hasRole('editor')).toBe(true);
    expect(avatar.hasRole('Editor')).toBe(false);
    expect(avatar.hasRole('edit')).toBe(false);
    expect(new Avatar('bob', { roles: ['*'] }).hasRole('editor')).toBe(false);
    expect(avatar.hasTag('vip')).toBe(true);
    expect(avatar.hasTag('editor')).toBe(false);
  });

  it('can be asked for any of several', () => {
    expect(avatar.hasAnyRole('admin', 'author')).toBe(true);
    expect(avatar.hasAnyRole('admin', 'owner')).toBe(false);
    expect(avatar.hasAnyTag('x', 'beta')).toBe(true);
    expect(avatar.hasAnyTag('x')).toBe(false);
  });

  it('can be asked for all of several', () => {
    expect(avatar.hasAllTags('vip', 'beta')).toBe(true);
    expect(avatar.hasAllTags('vip', 'x')).toBe(false);
  });

  it('answer any-of-none with no, and all-of-none with yes', () => {
    expect([avatar.hasAnyRole(), avatar.hasAnyTag(), avatar.hasAllTags()]).toEqual([false, false, true]);
  });
});

describe('hasPermission', () => {
  it.each([
    ['article.edit', 'article.edit'],
    ['article.*', 'article.edit'],
    ['article.*', 'article.edit.own'],
    ['article.*', 'article.'],
    ['article.*', 'article.*'],
    ['*', 'article.edit'],
    ['*', '*'],
    ['*', ''],
    ['**', 'x'],
    ['*.edit', 'article.edit'],
    ['article.*.own', 'article.edit.own'],
    ['article.*.own', 'article.*.own'],
    ['a*b*c', 'axbxc'],
    ['a*b*c', 'abbc'],
    ['*a*', 'xax'],
    ['a*a', 'aa'],
  ])('%j covers %j', (held, permission) => {
    expect(new Avatar('ada', { permissions: ['other', held] }).hasPermission(permission)).toBe(true);
  });

  it.each([
    ['article.edit', 'article.editor'],
    ['article.edit', 'article.*'],
    ['article.edit', 'ARTICLE.EDIT'],
    ['article.*', 'article'],
    ['article.*', 'articles.edit'],
    ['article.*', '*'],
    ['*.edit', 'article.editor'],
    ['article.*.own', 'article.own'],
    ['article.*.own', 'article.*'],
    ['a*b*c', 'acb'],
    ['a*b*c', 'axxc'],
    ['a*a', 'a'],
    ['*aa*aa', 'aaa'],
    ['article.', 'article.edit'],
    ['', 'article.edit'],
    ['article.?dit', 'article.edit'],
    ['.*', 'article'],
  ])('%j does not cover %j', (held, permission) => {
    expect(new Avatar('ada', { permissions: ['other', held] }).hasPermission(permission)).toBe(false);
  });

  it('answers at once, whatever the pattern', () => {
    const avatar = new Avatar('ada', { permissions: ['a*'.repeat(5_000) + 'b'] });
    const started = performance.now();
    expect(avatar.hasPermission('a'.repeat(20_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
