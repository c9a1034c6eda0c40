import { Module } from '@nestjs/common';
import { Discovery } from './discovery.js';
import { Drain } from './drain.js';
import { Relay } from './relay.js';
import { Rendezvous } from './rendezvous.js';
import { Revocation } from './revocation.js';
import { SignalingGateway } from './signaling.gateway.js';

/** The domain: what happens to a message, from the gateway inwards. */
@Module({ providers: [Discovery, Relay, Rendezvous, SignalingGateway, Drain, Revocation] })
export class SignalingModule {}
