import { applyDecorators, Render, UseInterceptors } from '@nestjs/common';
import { VisitorInterceptor } from './visitor.interceptor.js';

/** A handler whose result is shown by a template of this folder, with the visitor's menu and messages around it. */
export function Page(template: string): MethodDecorator {
  return applyDecorators(Render(template), UseInterceptors(VisitorInterceptor));
}
