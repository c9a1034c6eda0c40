import { Controller, Get, Header } from '@nestjs/common';
import { register } from 'prom-client';

/** Serves the company's metrics, those of cairn-signal among them. */
@Controller('metrics')
export class MetricsController {
  @Get()
  @Header('Content-Type', register.contentType)
  metrics(): Promise<string> {
    return register.metrics();
  }
}
