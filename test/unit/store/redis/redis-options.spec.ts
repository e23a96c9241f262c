import { describe, expect, it } from '@jest/globals';
import { SessionConfigurationError } from 'nestjs-mikro-session';
import type { RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import { resolveRedisOptions } from '../../../../lib/store/redis/redis-options.js';

const tls = { ca: 'a certificate' };

describe('Where Redis is', () => {
  it.each<[string, RedisSessionStoreOptions, string]>([
    [
      'TLS settings beside a URL in the clear',
      { nodes: ['redis://u:hidden@a'], tls },
      'Fix: write "rediss://", or leave',
    ],
    [
      'URLs of which some are in the clear',
      { nodes: ['rediss://u:hidden@a', 'redis://u:hidden@b'], tls },
      'some with "redis://" and some with "rediss://"',
    ],
    ['the same the other way round', { nodes: ['redis://a', 'rediss://b'] }, 'some with "redis://"'],
    ['a URL with a query', { nodes: ['redis://u:hidden@a?db=5'] }, 'with a "?" or a "#" in it'],
    ['a URL with an empty query', { nodes: ['redis://a/?'] }, 'with a "?" or a "#" in it'],
    ['a URL with a fragment', { nodes: ['redis://a/#5'] }, 'with a "?" or a "#" in it'],
    ['a URL with a database', { nodes: ['redis://a/5'] }, 'sessions are in database 0'],
    ['a text that is no URL', { nodes: ['localhost:6379'] }, 'a text in it that is no such URL'],
    ['no URLs', { nodes: [] }, 'must be a list of URLs'],
    ['a number among them', { nodes: [6379 as never] }, 'must be a list of URLs'],
    ['nothing', {}, 'but was given neither'],
    ['TLS settings beside a client', { client: {} as never, tls }, 'a "client" has settings of its own'],
    ['TLS settings that are none', { nodes: ['rediss://a'], tls: true as never }, 'must be an object as tls.connect()'],
    ['something that is no client', { client: {} as never }, 'must be a client of the package "redis"'],
    [
      'a client of another package',
      { client: { options: { host: 'a', password: 'hidden' }, sendCommand: () => {}, hgetall: () => {} } as never },
      'must be a client of the package "redis"',
    ],
    ['a password that is not escaped', { nodes: ['redis://u:hid%den@a'] }, 'write "%25" for a "%"'],
    ['a user that is not', { nodes: ['redis://us%er:hidden@a'] }, 'write "%25" for a "%"'],
  ])('is not said by %s', (_what, options, why) => {
    const resolve = (): unknown => resolveRedisOptions(options);
    expect(resolve).toThrow(SessionConfigurationError);
    expect(resolve).toThrow(why);
    expect(resolve).not.toThrow('hidden');
  });

  it('is said by URLs of one kind, whose credentials and TLS settings hold for all', () => {
    const { place } = resolveRedisOptions({ nodes: ['rediss://u:p%40@[::1]:7000', 'rediss://b/0'], tls });
    expect(place).toEqual({
      addresses: [
        { host: '::1', port: 7000 },
        { host: 'b', port: 6379 },
      ],
      settings: { username: 'u', password: 'p@', socket: { ca: 'a certificate', tls: true } },
    });
  });
});
