import './session-data.js';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SessionModule } from 'nestjs-mikro-session';
import { AccountController } from './account/account.controller.js';
import { DevicesController } from './account/devices.controller.js';
import { SignInFilter } from './account/sign-in.filter.js';
import { UserDirectory } from './account/users.js';
import { mikroOrmOptions } from './database.js';
import { ShopController } from './shop/shop.controller.js';
import { StaffController } from './staff/staff.controller.js';
import { ErrorPageFilter } from './views/error-page.filter.js';
import { StyleController } from './views/style.controller.js';

@Module({
  controllers: [ShopController, AccountController, DevicesController, StaffController, StyleController],
  providers: [
    UserDirectory,
    { provide: APP_FILTER, useClass: ErrorPageFilter },
    { provide: APP_FILTER, useClass: SignInFilter },
  ],
})
export class AppModule {
  static async forDatabase(url: string): Promise<DynamicModule> {
    return {
      module: AppModule,
      imports: [
        await MikroOrmModule.forRoot({ ...mikroOrmOptions(url), autoLoadEntities: true }),
        SessionModule.forRoot({ idleTimeout: '2h', absoluteTimeout: '12h' }),
      ],
    };
  }
}
