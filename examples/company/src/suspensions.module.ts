import { Injectable, Module } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { createClient } from '@redis/client';

/** Key of the set of principals who may not connect, and the channel on which each new one is named. */
const KEY = 'suspended';

/**
 * Who is suspended, as Redis has it. Owns the connections to Redis.
 * Invariant: it answers only by what Redis says now. While Redis is away, it rejects.
 */
@Injectable()
export class Suspensions implements OnModuleInit, OnApplicationShutdown {
  readonly #redis = createClient({
    // A guard has 5 s, and a peer waits for it: what cannot be asked now fails now.
    disableOfflineQueue: true,
    socket: { path: process.env.REDIS_SOCKET!, reconnectStrategy: 200 },
  });
  readonly #news = this.#redis.duplicate();

  async onModuleInit(): Promise<void> {
    // Without a listener, an error of a connection would end the process.
    for (const connection of [this.#redis, this.#news]) connection.on('error', () => undefined);
    await Promise.all([this.#redis.connect(), this.#news.connect()]);
  }

  onApplicationShutdown(): void {
    this.#redis.destroy();
    this.#news.destroy();
  }

  async has(principal: string): Promise<boolean> {
    return (await this.#redis.sIsMember(KEY, principal)) === 1;
  }

  /** Calls `tell` with everyone who is suspended from now on. */
  async onEach(tell: (principal: string) => void): Promise<void> {
    await this.#news.subscribe(KEY, tell);
  }

  async ping(): Promise<void> {
    await this.#redis.ping();
  }
}

@Module({ providers: [Suspensions], exports: [Suspensions] })
export class SuspensionsModule {}
