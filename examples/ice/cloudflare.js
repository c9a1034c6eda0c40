/**
 * The TURN service of Cloudflare Realtime, as an ICE provider. Credentials come from
 * POST /v1/turn/keys/{key}/credentials/generate-ice-servers
 * (https://developers.cloudflare.com/realtime/turn/generate-credentials/).
 */
export class Cloudflare {
  #url;
  #token;

  constructor() {
    const {
      CLOUDFLARE_TURN_KEY_ID: key,
      CLOUDFLARE_TURN_KEY_API_TOKEN: token,
      CLOUDFLARE_TURN_API: api = 'https://rtc.live.cloudflare.com',
    } = process.env;
    if (!key || !token) throw new Error('set CLOUDFLARE_TURN_KEY_ID and CLOUDFLARE_TURN_KEY_API_TOKEN');
    this.#url = `${api}/v1/turn/keys/${encodeURIComponent(key)}/credentials/generate-ice-servers`;
    this.#token = token;
  }

  async iceServers({ ttl, signal }) {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ttl }),
      redirect: 'error',
      signal,
    });
    if (!response.ok) throw new Error(`Cloudflare answered ${response.status}`);
    const { iceServers } = await response.json();
    // Browsers block port 53, and would wait for it in vain.
    const usable = iceServers.map(({ urls, ...server }) => ({
      ...server,
      urls: urls.filter((url) => !PORT_53.test(url)),
    }));
    return { iceServers: usable.filter(({ urls }) => urls.length > 0), ttl };
  }
}

const PORT_53 = /:53(?:\?|$)/;
