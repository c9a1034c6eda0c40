import { BearerTokens } from '../auth/bearer-tokens.js';
import { loadMetricsToken } from '../auth/load-tokens.js';
import { settingFile } from '../config/setting-file.js';
import type { Settings } from '../config/settings.js';
import type { FilesInUse, Reload } from '../lifecycle/reload.js';

/** Owns the token that opens the metrics in public; there may be none. Invariant: that of BearerTokens. */
export class MetricsToken extends BearerTokens {
  /**
   * Reads the token of `metrics-token` and `metrics-token-file`, and reads it again when the file changes. Rejects with
   * a StartupError that names the file, if it cannot be used.
   */
  static async of(settings: Settings, reload: Reload): Promise<MetricsToken> {
    const made = new MetricsToken([]);
    const used: FilesInUse<string[]> = {
      files: settingFile('metrics-token-file', settings.metricsTokenFile),
      read: () => [loadMetricsToken(settings) ?? []].flat(),
      use: (tokens) => made.replace(tokens),
      what: 'metrics token',
      otherwise: 'keeping the current metrics token',
    };
    used.use(await reload.readAndWatch([used], () => used.read()));
    return made;
  }
}
