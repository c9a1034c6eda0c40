import { Module, Scope } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata, OnModuleInit, Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { StartupError } from '../config/faults.js';
import { Discovery } from './discovery.js';
import { Drain } from './drain.js';
import { Expiry } from './expiry.js';
import { Permissions } from './permissions.js';
import { Relay } from './relay.js';
import { Rendezvous } from './rendezvous.js';
import { Revocation } from './revocation.js';
import { SignalingGateway } from './signaling.gateway.js';
import { EveryTopic, TopicPolicy } from './topic-policy.js';

/** The domain: what happens to a message, from the gateway inwards. */
@Module({
  providers: [Discovery, Permissions, Relay, Rendezvous, SignalingGateway, Drain, Expiry, Revocation],
  exports: [Revocation, SignalingGateway],
})
export class SignalingModule implements OnModuleInit {
  constructor(private readonly module: ModuleRef) {}

  /** With a policy of others' making, which may inject what `imports` provide. */
  static with(policy: Type<TopicPolicy> = EveryTopic, imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
    return { module: SignalingModule, imports, providers: [{ provide: TopicPolicy, useClass: policy }] };
  }

  /** Throws a StartupError for a policy that is made for each request: Nest would make the whole gateway so, and so none. */
  onModuleInit(): void {
    if (this.module.introspect(Permissions).scope === Scope.REQUEST) {
      throw new StartupError('the topic policy has request scope, or what it injects has: a message is no request');
    }
  }
}
