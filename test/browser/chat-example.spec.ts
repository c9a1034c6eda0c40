import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWithChromium } from '../support/browser.js';

const SERVE = new URL('../../examples/chat/serve.mjs', import.meta.url);
const ROOM = '#0123456789-0123456789';

describeWithChromium('examples/chat, in Chromium,', (stage) => {
  /** Opens the page of somebody in the room. */
  async function enter(name: string, url: string): Promise<Page> {
    return stage.open(`${url}&name=${encodeURIComponent(name)}${ROOM}`);
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  /** Waits until a line of the conversation is exactly this. */
  const sees = (page: Page, line: string): Promise<void> =>
    page.getByRole('log').getByText(line, { exact: true }).first().waitFor();

  async function serve(...args: string[]): Promise<string> {
    return /http\S+/.exec(await stage.script(SERVE, '--port', '0', ...args))![0];
  }

  it('lets two tabs talk, and a third one, and shows who comes and goes', async () => {
    const url = await serve();
    const ada = await enter('Ada', url);
    const bob = await enter('Bob <b>', url);
    await sees(ada, 'Bob <b> is here');
    await expectTalk([ada, bob]);

    const cleo = await enter('Cleo', url);
    await sees(ada, 'Cleo is here');
    await expectTalk([ada, bob, cleo]);
    expect(await ada.getByRole('status').textContent()).toBe('Bob <b>, Cleo; connected to 2');

    await bob.close();
    await sees(ada, 'Bob <b> has left');
    await sees(cleo, 'Bob <b> has left');
    expect(await cleo.getByRole('status').textContent()).toMatch(/^Ada; connected to [12]$/);
    expect(stage.complaints).toEqual([]);
  });

  it('goes on talking while the server is away', async () => {
    const server = stage.start();
    const port = await server.port();
    const url = await serve('--server', `ws://127.0.0.1:${port}`);
    const ada = await enter('Ada', url);
    const bob = await enter('Bob', url);
    await expectTalk([ada, bob]);

    server.signal('SIGKILL');
    await server.ended;
    await say(ada, 'anybody there?');
    await sees(bob, 'Ada: anybody there?');
    await stage.start('--listen-addr', `127.0.0.1:${port}`).port();
    const cleo = await enter('Cleo', url);
    await expectTalk([ada, bob, cleo]);
  });

  let words = 0;
  /** Waits until all are connected to all others. Then each says something, which all others hear. */
  async function expectTalk(pages: readonly Page[]): Promise<void> {
    for (const page of pages) {
      await page
        .getByRole('status')
        .getByText(`connected to ${pages.length - 1}`)
        .waitFor();
    }
    for (const from of pages) {
      const word = `word ${(words += 1)}`;
      await say(from, word);
      for (const page of pages) await sees(page, `${nameOf(from)}: ${word}`);
    }
  }

  const nameOf = (page: Page): string => new URL(page.url()).searchParams.get('name')!;
});
