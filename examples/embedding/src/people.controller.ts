import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { SignalingService } from 'cairn-signal';
import type { ConnectedPeer } from 'cairn-signal';

/** What the company does with the people who are connected. */
@Controller('people')
export class PeopleController {
  constructor(private readonly signaling: SignalingService) {}

  @Get()
  list(): ConnectedPeer[] {
    return this.signaling.connections();
  }

  /** Speaks on the company's topic, to whoever listens on any node. */
  @Post('announcements')
  announce(@Body() { text }: { text: string }): { listeners: number } {
    return { listeners: this.signaling.relay('announcements', Buffer.from(text)) };
  }

  /** Sends somebody home. The badge still opens the door. */
  @Delete(':name')
  dismiss(@Param('name') name: string): { closed: number } {
    return { closed: this.signaling.close(name, 'see you tomorrow') };
  }
}
