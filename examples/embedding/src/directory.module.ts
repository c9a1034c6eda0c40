import { Injectable, Module } from '@nestjs/common';

/** The people who work here: names by badge number. */
@Injectable()
export class Directory {
  readonly #names = new Map([
    ['4711', 'ada'],
    ['4712', 'grace'],
  ]);

  /** The name for a badge. In a real company, this asks another service. */
  async nameOf(badge: string): Promise<string | undefined> {
    return this.#names.get(badge);
  }
}

@Module({ providers: [Directory], exports: [Directory] })
export class DirectoryModule {}
