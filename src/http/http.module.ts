import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { HttpErrorFilter } from './http-error.filter.js';
import { RootController } from './root.controller.js';

/** What the public listener answers to plain HTTP, besides health. */
@Module({
  controllers: [RootController],
  providers: [{ provide: APP_FILTER, useClass: HttpErrorFilter }],
})
export class HttpModule {}
