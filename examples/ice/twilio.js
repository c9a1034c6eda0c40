/**
 * Twilio's Network Traversal Service, as an ICE provider. Credentials come from
 * POST /2010-04-01/Accounts/{account}/Tokens.json (https://www.twilio.com/docs/stun-turn/api).
 */
export class Twilio {
  #url;
  #authorization;

  constructor() {
    const {
      TWILIO_ACCOUNT_SID: account,
      TWILIO_AUTH_TOKEN: token,
      TWILIO_API: api = 'https://api.twilio.com',
    } = process.env;
    if (!account || !token) throw new Error('set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN');
    this.#url = `${api}/2010-04-01/Accounts/${encodeURIComponent(account)}/Tokens.json`;
    this.#authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`;
  }

  async iceServers({ ttl, signal }) {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { authorization: this.#authorization },
      // As a form.
      body: new URLSearchParams({ Ttl: String(ttl) }),
      redirect: 'error',
      signal,
    });
    if (!response.ok) throw new Error(`Twilio answered ${response.status}`);
    // The ttl is text.
    const { ice_servers: iceServers, ttl: granted } = await response.json();
    return { iceServers, ttl: Number(granted) };
  }
}
