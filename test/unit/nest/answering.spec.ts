import { Controller, Get, Res, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { noteMethods } from '../../../lib/nest/access/methods.js';
import { answersItself } from '../../../lib/nest/answering.js';

describe('answersItself', () => {
  it('knows a method by a function that stands in its place with a copy of its metadata', () => {
    @Controller()
    class AnsweringController {
      @Get() send(this: void, @Res() response: { send(): void }): void {
        response.send();
      }
    }
    const { send } = AnsweringController.prototype;
    const controllers = new Map([['one', { metatype: AnsweringController }]]);
    noteMethods(new Map([['one', { controllers, providers: new Map() }]]) as unknown as ModulesContainer);
    const type: Type = AnsweringController;
    const standIn = (): void => {};
    for (const key of Reflect.getMetadataKeys(send) as string[]) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, send), standIn);
    }
    expect(answersItself(type, send)).toBe(true);
    expect(answersItself(type, standIn)).toBe(true);
    expect(answersItself(type, () => {})).toBe(false);
  });
});
