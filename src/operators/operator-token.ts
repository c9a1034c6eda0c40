import { createHmac, timingSafeEqual } from 'node:crypto';
import { loadManagementToken } from '../auth/load-tokens.js';
import { digestOf } from '../auth/named-token.js';
import { settingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import type { FilesInUse, Reload } from '../lifecycle/reload.js';

/**
 * Owns the token that orders need: of clients, and between nodes, which sign with it. Keeps only its digest.
 * Invariant: a comparison takes the same time wherever the difference is.
 */
export class OperatorToken {
  #digest: Buffer | undefined;

  /**
   * Reads the token of `management-token` and `management-token-file`, and reads it again when the file changes. Rejects
   * with a StartupError that names the file, if it cannot be used.
   */
  static async of(settings: Settings, reload: Reload): Promise<OperatorToken> {
    const made = new OperatorToken();
    const used: FilesInUse<string | undefined> = {
      files: settingFile('management-token-file', settings.managementTokenFile),
      read: () => loadManagementToken(settings),
      use: (token) => {
        made.#use(token);
        return {};
      },
      what: 'management token',
      otherwise: 'keeping the current management token',
    };
    made.#use(await reload.readAndWatch([used], () => used.read()));
    return made;
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
