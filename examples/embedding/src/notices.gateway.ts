import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

/** A gateway of the company's own: JSON over `ws`, as WsAdapter serves it. */
@WebSocketGateway({ path: '/notices' })
export class NoticesGateway {
  @SubscribeMessage('latest')
  latest(): { event: string; data: string } {
    return { event: 'notice', data: 'The canteen opens at noon.' };
  }
}
