import { Readable } from 'node:stream';
import fastifyCompress from '@fastify/compress';
import { Body, Controller, Get, HttpCode, Post, Query, Redirect, Req, Res, StreamableFile } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import type { Response } from 'express';
import { Session } from 'nestjs-mikro-session';
import { of, tap } from 'rxjs';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { Mark } from './mark.js';
import { runAnswers } from './run.js';
import { ANSWERS } from './scenarios.js';

const later = () => new Promise((resolve) => setImmediate(resolve));

@Controller('answers')
class AnswersController {
  @Get('value') value(@Mark() mark: () => void) {
    mark();
    return { a: 'a value worth compressing'.repeat(100) };
  }
  @Get('nothing') nothing(@Mark() mark: () => void): void {
    mark();
  }
  @Get('promise') async promise(@Mark() mark: () => void) {
    await later();
    mark();
    return { a: 1 };
  }
  @Get('observable') observable(@Mark() mark: () => void) {
    mark();
    return of({ a: 1 });
  }
  @Get('observable-of-several') several(@Mark() mark: () => void) {
    return of(1, 2, 3).pipe(tap((value) => value === 3 && mark()));
  }
  @Get('iterable') async *iterable(@Mark() mark: () => void) {
    await later();
    mark();
    yield 'first';
    yield 'last';
  }
  @Get('web-response') webResponse(@Mark() mark: () => void) {
    mark();
    return new globalThis.Response('{"a":1}', { status: 201, headers: { 'set-cookie': 'theirs=1' } });
  }
  @Get('redirect') @Redirect('/elsewhere') redirect(@Mark() mark: () => void): void {
    mark();
  }
  @Get('res-redirect') resRedirect(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    response.status(302).redirect('/elsewhere');
  }
  @Get('res-json') resJson(@Mark() mark: () => void, @Res() response: Response): void {
    mark();
    response.json({ a: 1 });
  }
  @Get('res-send') resSend(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    response.send({ a: 1 });
  }
  @Get('res-end') resEnd(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    rawOf(response).end('all');
  }
  @Get('res-write') resWrite(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    rawOf(response).write('first');
    rawOf(response).end('last');
  }
  @Get('res-write-head') async resWriteHead(
    @Session() session: Session,
    @Mark() mark: () => void,
    @Res() response: PlatformResponse,
  ) {
    // A new visitor's cookie belongs to the head.
    await session.set('begun', true).save();
    rawOf(response).writeHead(200, { 'content-type': 'text/plain' });
    await later();
    mark();
    rawOf(response).end('all');
  }
  @Get('later') later(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    setImmediate(() => {
      mark();
      response.send({ a: 1 });
    });
  }
  @Get('passthrough') passthrough(@Mark() mark: () => void, @Res({ passthrough: true }) response: PlatformResponse) {
    mark();
    response.status(202);
    return { a: 1 };
  }
  @Get('file') file(@Mark() mark: () => void): StreamableFile {
    mark();
    return new StreamableFile(Readable.from(['first', 'last']));
  }
  @Get('text-file') textFile(@Mark() mark: () => void): StreamableFile {
    mark();
    return new StreamableFile(Readable.from(['first '.repeat(1_000), 'last']), { type: 'text/plain' });
  }
  @Get('pipe') pipe(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    Readable.from(['first', 'last']).pipe(rawOf(response));
  }
  @Get('pipe-text') pipeText(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    rawOf(response).setHeader('content-type', 'text/plain');
    Readable.from(['first '.repeat(1_000), 'last']).pipe(rawOf(response));
  }
  @Get('send-stream') sendStream(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    response.send(Readable.from(['first', 'last']));
  }
  @Get('send-file') sendFile(@Mark() mark: () => void, @Res() response: Response): void {
    mark();
    response.sendFile(import.meta.filename);
  }
  @Get('request') request(@Req() request: { session: Session }, @Query('mark') mark: string): void {
    request.session.set('mark', mark);
  }
  @Get('no-content') @HttpCode(204) noContent(@Mark() mark: () => void): void {
    mark();
  }
  @Get('not-modified') notModified(
    @Mark() mark: () => void,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): void {
    mark();
    response.header('etag', '"v1"').status(304);
  }
  @Get('etag') etag(@Mark() mark: () => void, @Res({ passthrough: true }) response: PlatformResponse): string {
    mark();
    response.header('etag', '"v1"');
    return 'the first version';
  }
  @Post('upload') upload(@Mark() mark: () => void, @Body() body: unknown) {
    mark();
    return body;
  }
}

runAnswers(ANSWERS, {
  controllers: [AnswersController],
  prepare: async (app) => {
    if (app.getHttpAdapter().getType() === 'express') app.use(compression({ threshold: 0 }));
    else await (app as unknown as NestFastifyApplication).register(fastifyCompress, { threshold: 0 });
  },
});
