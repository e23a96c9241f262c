import { callbackify } from 'node:util';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Inject,
  Injectable,
  type INestApplication,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportModule, PassportSerializer, PassportStrategy } from '@nestjs/passport';
import type { Request } from 'express';
import { Session, SessionGuard, sessionMiddleware } from 'nestjs-mikro-session';
import passport from 'passport';
import { Strategy } from 'passport-local';

export interface User {
  id: string;
  name: string;
}

export const passwordOf = (name: string): string => `the password of ${name}`;

/** The users of an application. */
@Injectable()
export class UsersService {
  readonly #users = new Map<string, User>();

  async add(name: string): Promise<User> {
    const user = { id: `id-of-${name}`, name };
    this.#users.set(user.id, user);
    return user;
  }

  async remove(name: string): Promise<void> {
    this.#users.delete(`id-of-${name}`);
  }

  async find(id: string): Promise<User | null> {
    return this.#users.get(id) ?? null;
  }

  async verify(name: string, password: string): Promise<User | null> {
    return password === passwordOf(name) ? this.find(`id-of-${name}`) : null;
  }
}

// What follows stands in docs/passport.md as well, word for word.
// begin
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy) {
  constructor(@Inject(UsersService) private readonly users: UsersService) {
    super();
  }

  async validate(name: string, password: string): Promise<User> {
    const user = await this.users.verify(name, password);
    if (user === null) throw new UnauthorizedException('Wrong name or password.');
    return user;
  }
}

@Injectable()
export class UserSerializer extends PassportSerializer {
  constructor(@Inject(UsersService) private readonly users: UsersService) {
    super();
  }

  serializeUser(user: User, done: (error: unknown, id?: string) => void): void {
    done(null, user.id);
  }

  deserializeUser(id: string, done: (error: unknown, user?: User | null) => void): void {
    callbackify(() => this.users.find(id))(done);
  }
}

/** Checks the password and signs in: `req.login()`, which starts a new session. */
@Injectable()
export class LoginGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

@Injectable()
export class AuthenticatedGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.switchToHttp().getRequest<Request>().isAuthenticated()) return true;
    throw new UnauthorizedException('Sign in to go on.');
  }
}

@Controller()
export class AccountController {
  @Post('login')
  @HttpCode(204)
  @UseGuards(LoginGuard)
  login(): void {}

  @Get('me')
  @UseGuards(AuthenticatedGuard)
  me(@Req() request: Request): Express.User | undefined {
    return request.user;
  }

  @Post('logout')
  @HttpCode(204)
  logout(@Req() request: Request): Promise<void> {
    return new Promise((resolve, reject) => request.logout((error) => (error ? reject(error as Error) : resolve())));
  }
}

/** In `main.ts`, before `app.listen()`. */
export function usePassport(app: INestApplication): void {
  app.use(sessionMiddleware(app));
  app.use(passport.session());
}
// end

/** Signs in with this library as well, so that it knows the user too. */
@Controller('known')
export class KnownController {
  // begin known
  @Post('login')
  @HttpCode(204)
  @UseGuards(LoginGuard)
  login(@Req() request: Request, @Session() session: Session): Promise<void> {
    return session.login((request.user as User).id, { roles: ['reader'] });
  }
  // end known

  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session('userId') userId: string): string {
    return userId;
  }
}

export const passportModule = PassportModule.register({ session: true });
