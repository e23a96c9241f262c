import { join, relative } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Eta } from 'eta';
import { dateTime, number, price, time } from './formats.js';

/** The templates are next to this file; `nest build` copies them to where it puts the compiled one. */
const VIEWS = import.meta.dirname;

/** Has Express render the templates, `name.eta`, by Eta, which escapes whatever `<%= %>` puts in. */
export function useTemplates(app: NestExpressApplication): void {
  const eta = new Eta({ views: VIEWS, cache: true });
  app.engine('eta', (path: string, model: object, done: (error: unknown, page?: string) => void) => {
    let page;
    try {
      page = eta.render(join('/', relative(VIEWS, path)), model);
    } catch (error) {
      done(error);
      return;
    }
    done(null, page);
  });
  app.setBaseViewsDir(VIEWS);
  app.setViewEngine('eta');
  for (const [name, format] of Object.entries({ dateTime, number, price, time })) app.setLocal(name, format);
}
