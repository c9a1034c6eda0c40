import { Controller, Get, NotFoundException, Req, Res, UnauthorizedException } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mistakeIn, presented } from '../auth/credentials.js';
import { MANAGEMENT } from '../http/management-path.js';
import { prefersPlainText } from './accept.js';
import { Exposition } from './exposition.js';
import { MetricsToken } from './metrics-token.js';

const HOW_TO = 'The metrics need a token of their own: "Authorization: Bearer <metrics-token>".';

/**
 * Serves the metrics in OpenMetrics, or as plain text to clients that prefer it: on the management address to everyone,
 * in public to clients that show
 * `metrics-token`.
 */
@Controller()
export class MetricsController {
  constructor(
    private readonly exposition: Exposition,
    private readonly token: MetricsToken,
  ) {}

  @Get(`${MANAGEMENT}/metrics`)
  async internal(@Req() { headers }: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    const { exposition } = this;
    const plain = prefersPlainText(headers.accept);
    const text = await (plain ? exposition.plainText() : exposition.text());
    response.writeHead(200, {
      'Content-Type': plain ? exposition.plainContentType : exposition.contentType,
      'Cache-Control': 'no-store',
      Vary: 'Accept',
    });
    response.end(text);
  }

  /** 404 if `metrics-token` is not set, as if there were no metrics; 401 for any other token. */
  @Get('metrics')
  async public(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    if (!this.token.required) throw new NotFoundException();
    const { token, mistake } = presented(request.headers);
    if (token === undefined || this.token.find(token) === undefined) {
      const hint = token === undefined ? mistake : mistakeIn(token, request.headers);
      throw new UnauthorizedException(hint === undefined ? HOW_TO : `${HOW_TO} ${hint}`);
    }
    return this.internal(request, response);
  }
}
