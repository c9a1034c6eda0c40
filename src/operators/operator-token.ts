import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { loadManagementToken } from '../auth/load-tokens.js';
import { digestOf } from '../auth/named-token.js';
import { settingFile } from '../config/setting-file.js';
import { Settings } from '../config/settings.js';
import { Reload } from '../lifecycle/reload.js';

/**
 * Owns the token that orders need: of clients, and between nodes, which sign with it. Keeps only its digest.
 * Invariant: a comparison takes the same time wherever the difference is.
 */
@Injectable()
export class OperatorToken {
  #digest: Buffer | undefined;

  /** Throws a StartupError that names the file, if it cannot be used. */
  constructor(settings: Settings, reload: Reload) {
    const read = (): string | undefined => loadManagementToken(settings);
    reload.watch({
      files: settingFile('management-token-file', settings.managementTokenFile),
      read,
      use: (token) => {
        this.#use(token);
        return {};
      },
      what: 'management token',
      otherwise: 'keeping the current management token',
    });
    this.#use(read());
  }

  /** Whether there is one. Without it nobody can give orders. */
  get exists(): boolean {
    return this.#digest !== undefined;
  }

  matches(token: string): boolean {
    return this.#digest !== undefined && timingSafeEqual(digestOf(token), this.#digest);
  }

  /** Returns what proves to other nodes that a text is of somebody with the token; undefined without one. */
  sign(text: string): string | undefined {
    return this.#digest && createHmac('sha256', this.#digest).update(text).digest('base64url');
  }

  /** Whether somebody with the token signed a text. Without a token there is nothing to judge by: true. */
  verifies(text: string, signature: unknown): boolean {
    const expected = this.sign(text);
    if (expected === undefined) return true;
    return typeof signature === 'string' && timingSafeEqual(digestOf(signature), digestOf(expected));
  }

  #use(token: string | undefined): void {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }
}
