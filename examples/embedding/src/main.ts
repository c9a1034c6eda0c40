import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { CborWsAdapter } from 'cairn-signal';
import { CompanyModule } from './company.module.js';

const app = await NestFactory.create(CompanyModule, { logger: ['warn', 'error'] });
// cairn-signal's gateway is its own; WsAdapter serves the company's.
app.useWebSocketAdapter(new CborWsAdapter(app, { others: new WsAdapter(app) }));
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? '3000', '127.0.0.1');
console.log(`the company is at ${await app.getUrl()}`);
