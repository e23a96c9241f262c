import { describe, expect, it } from '@jest/globals';
import { type CommitRequest, foldCommits } from '../../../../lib/store/batching/commit-request.js';

describe('Two commits of a session', () => {
  const set = (key: string) => ({ set: new Map([[key, '1']]), unset: [], increment: new Map(), push: new Map() });
  const request = (
    given: Partial<CommitRequest['changes']> = {},
    more: Partial<CommitRequest> = {},
  ): CommitRequest => ({
    id: 'id',
    generation: 1,
    found: null,
    changes: { data: null, lifetime: null, renew: false, ...given },
    deadline: 5,
    ...more,
  });
  const lifetime = { ttl: 1, absolute: undefined };

  it('are folded into one, which is due when the first of them is', () => {
    expect(foldCommits(request({ data: set('a') }), request({ data: set('b') }, { deadline: 3 }))).toEqual(
      request(
        {
          data: {
            ...set('a'),
            set: new Map([
              ['a', '1'],
              ['b', '1'],
            ]),
          },
        },
        { deadline: 3 },
      ),
    );
    expect(foldCommits(request({ data: set('a') }), request())).toEqual(request({ data: set('a') }));
    expect(foldCommits(request(), request({ data: set('b') }))).toEqual(request({ data: set('b') }));
    expect(foldCommits(request(), request())).toEqual(request());
  });

  it('keep the lifetime of either, and count as an access if either does', () => {
    expect(foldCommits(request({ lifetime }), request())).toEqual(request({ lifetime }));
    expect(foldCommits(request(), request({ lifetime, renew: true }))).toEqual(request({ lifetime, renew: true }));
    expect(foldCommits(request({ renew: true }), request())).toEqual(request({ renew: true }));
  });

  it('go one after the other where one would hide what becomes of the other', () => {
    const found = new Map();
    expect(foldCommits(request(), request({}, { generation: 2 }))).toBeNull();
    expect(foldCommits(request({}, { found }), request())).toBeNull();
    expect(foldCommits(request(), request({}, { found }))).toBeNull();
    expect(foldCommits(request({ lifetime }), request({ lifetime }))).toBeNull();
    const increment = { ...set('a'), set: new Map(), increment: new Map([['a', 1]]) };
    const push = { ...set('a'), set: new Map(), push: new Map([['a', '[1]']]) };
    expect(foldCommits(request({ data: increment }), request({ data: push }))).toBeNull();
  });
});
