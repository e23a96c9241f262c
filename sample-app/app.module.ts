import './session-data.js';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SessionModule } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { AccountController } from './account/account.controller.js';
import { DevicesController } from './account/devices.controller.js';
import { PasswordController } from './account/password.controller.js';
import { SignInFilter } from './account/sign-in.filter.js';
import { TimeLeftController } from './account/time-left.controller.js';
import { UserDirectory } from './account/users.js';
import { mikroOrmOptions } from './database.js';
import { OperationsController } from './operations/operations.controller.js';
import { Sampler } from './operations/sampler.js';
import { sessionOptions } from './sessions.js';
import { CartController } from './shop/cart.controller.js';
import { OrderBook } from './shop/orders.js';
import { OrdersController } from './shop/orders.controller.js';
import { StaffController } from './staff/staff.controller.js';
import { ErrorPageFilter } from './views/error-page.filter.js';

@Module({
  controllers: [
    CartController,
    OrdersController,
    AccountController,
    PasswordController,
    DevicesController,
    TimeLeftController,
    StaffController,
    OperationsController,
  ],
  providers: [
    UserDirectory,
    OrderBook,
    Sampler,
    { provide: APP_FILTER, useClass: ErrorPageFilter },
    { provide: APP_FILTER, useClass: SignInFilter },
  ],
})
export class AppModule {
  /** With its sessions in PostgreSQL. */
  static async forDatabase(url: string): Promise<DynamicModule> {
    return {
      module: AppModule,
      imports: [
        await MikroOrmModule.forRoot({ ...mikroOrmOptions(url), autoLoadEntities: true }),
        SessionModule.forRoot(sessionOptions()),
      ],
    };
  }

  /** With its sessions in Redis: then there is no MikroORM. */
  static forRedis(url: string): DynamicModule {
    const store = redisSessionStore({ nodes: [url] });
    return { module: AppModule, imports: [SessionModule.forRoot({ ...sessionOptions(), store })] };
  }
}
