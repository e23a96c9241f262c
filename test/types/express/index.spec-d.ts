// What `import 'nestjs-mikro-session/express'` declares. Compiled by `npm run types`, never run.
import type { Session } from 'nestjs-mikro-session';
import 'nestjs-mikro-session/express';
import type { Request } from 'express';
import { expectTypeOf } from 'expect-type';

declare const request: Request;
expectTypeOf(request.session).toExtend<Session>();
