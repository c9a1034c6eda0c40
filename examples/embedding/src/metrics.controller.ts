import { Controller, Get, Header } from '@nestjs/common';
import { ConnectionRegistry, Exposition } from 'cairn-signal';

/** Serves the metrics of cairn-signal to the company's monitoring. */
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly exposition: Exposition,
    private readonly connections: ConnectionRegistry,
  ) {}

  @Get()
  @Header('Content-Type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  metrics(): Promise<string> {
    return this.exposition.text();
  }

  @Get('connections')
  count(): { connections: number } {
    return { connections: this.connections.size };
  }
}
