import { Injectable, Module } from '@nestjs/common';

/** Who works here: badge numbers, and the names behind them. */
@Injectable()
export class Directory {
  readonly #names = new Map([
    ['4711', 'ada'],
    ['4712', 'grace'],
  ]);

  /** In a real company this asks another service. */
  async nameOf(badge: string): Promise<string | undefined> {
    return this.#names.get(badge);
  }
}

@Module({ providers: [Directory], exports: [Directory] })
export class DirectoryModule {}
