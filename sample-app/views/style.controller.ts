import { Controller, Get, Header } from '@nestjs/common';
import { SkipSession } from 'nestjs-mikro-session';
import { STYLE } from './style.js';

@Controller()
@SkipSession()
export class StyleController {
  @Get('style.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  style(): string {
    return STYLE;
  }
}
