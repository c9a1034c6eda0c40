import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CborWsAdapter } from 'cairn-signal';
import { CompanyModule } from './company.module.js';

const app = await NestFactory.create(CompanyModule, { logger: ['warn', 'error'] });
app.useWebSocketAdapter(new CborWsAdapter(app));
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? '3000', '127.0.0.1');
console.log(`listening on ${await app.getUrl()}`);
