import { describe, expect, it } from '@jest/globals';
import { areStillFound } from '../../../../lib/session/data/found-values.js';

const DATA = '{"n":1,"list":[1,{"a":2}],"nil":null}';
const FOUND = new Map([
  ['n', '1'],
  ['list', '[1,{"a":2}]'],
  ['nil', null],
  ['no', null],
]);

describe('Values that were found', () => {
  it.each<[string, string, boolean]>([
    ['as they were', DATA, true],
    ['in another order, with others', '{"more":1,"nil":null,"list":[1,{"a":2}],"n":1}', true],
    ['where null is absent', '{"n":1,"list":[1,{"a":2}]}', true],
    ['where nothing is null', '{"n":1,"list":[1,{"a":2}],"no":null}', true],
    ['where one has changed', '{"n":2,"list":[1,{"a":2}]}', false],
    ['where one has changed further down', '{"n":1,"list":[1,{"a":3}]}', false],
    ['where one is gone', '{"n":1}', false],
    ['where one has come', '{"n":1,"list":[1,{"a":2}],"no":0}', false],
    ['in what cannot be read', '[', false],
  ])('are still found %s', (_what, data, isFound) => {
    expect(areStillFound(FOUND, data)).toBe(isFound);
  });
});
