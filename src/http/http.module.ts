import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { HttpErrorFilter } from './http-error.filter.js';
import { RootController } from './root.controller.js';

/** Answers plain HTTP on the public listener, apart from health and the connection check. */
@Module({
  controllers: [RootController],
  providers: [{ provide: APP_FILTER, useClass: HttpErrorFilter }],
})
export class HttpModule {}
