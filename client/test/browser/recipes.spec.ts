import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { describeWithChromium, describeWithFirefox } from '../../../test/support/browser.js';
import type { Stage } from '../../../test/support/browser.js';
import type { FirefoxPage } from '../../../test/support/firefox.js';
import { snippets } from '../support/snippets.js';

const source = (file: string): string => fileURLToPath(new URL(`../../src/${file}`, import.meta.url));
const recipe = (heading: string): string => snippets().find((snippet) => snippet.heading === heading)!.code;

/** What the pages have as globals: what the recipes export, and what these tests keep there. */
interface InPage {
  readonly client: typeof import('../../src/index.js') & typeof import('../../src/rtc.js');
  readonly chat: (show: (from: string, text: string) => void) => (text: string) => void;
  readonly sendFile: (channel: RTCDataChannel, file: File) => Promise<void>;
  readonly receiveFile: (channel: RTCDataChannel, most?: number) => Promise<File>;
  signal: unknown;
  secret: unknown;
  say: (text: string) => void;
  heard: string[];
  channel: RTCDataChannel;
  most: number;
  received: Promise<string>;
}
declare const self: InPage;

type Page = Pick<FirefoxPage, 'evaluate'>;

describeWithChromium('the recipes of the README, in Chromium,', (stage) => {
  itWorks(stage, (url) => stage.open(url));
});
describeWithFirefox('the recipes of the README, in Firefox,', (stage) => {
  itWorks(stage, (url) => stage.openInFirefox(url));
});

function itWorks(stage: Stage, open: (url: string) => Promise<unknown>): void {
  let script: string;
  let pages: Page[];

  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          ${recipe('Chat')}
          ${recipe('File transfer')}
          import { connect } from 'cairn-signal-client';
          import { connectPeer } from 'cairn-signal-client/rtc';
          Object.assign(self, { chat, sendFile, receiveFile, client: { connect, connectPeer } });
        `,
        loader: 'ts',
        resolveDir: source('.'),
      },
      alias: { 'cairn-signal-client': source('index.ts'), 'cairn-signal-client/rtc': source('rtc.ts') },
      bundle: true,
      format: 'iife',
      write: false,
    });
    script = outputFiles[0].text;
  });

  beforeEach(async () => {
    const port = await stage.serve();
    // There is no page here, and so no policy that forbids other scripts.
    const url = `http://127.0.0.1:${port}/empty`;
    pages = [await open(url), await open(url)] as Page[];
    for (const page of pages) {
      await page.evaluate(script);
      await page.evaluate((at) => {
        self.signal = self.client.connect(`ws://127.0.0.1:${at}`);
        self.secret = new TextEncoder().encode('a secret of this test, 32 bytes.');
      }, port);
    }
  });

  /** The pages have a channel. */
  async function meet(): Promise<void> {
    await Promise.all(
      pages.map((page) =>
        page.evaluate(async () => {
          const { signal, secret, client } = self as InPage & { signal: never; secret: never };
          self.channel = (await client.connectPeer(signal, { secret })).channel;
        }),
      ),
    );
  }

  it('let two chat', async () => {
    for (const page of pages) {
      await page.evaluate(() => {
        self.heard = [];
        self.say = self.chat((from, text) => self.heard.push(`${from.length} ${text}`));
      });
    }
    for (const [speaker, listener] of [pages, pages.toReversed()]) {
      let heard: string[] = [];
      while (heard.length === 0) {
        await speaker.evaluate(() => self.say('hello'));
        heard = await listener.evaluate(() => self.heard);
      }
      expect(heard[0]).toBe('16 hello');
    }
  });

  it('send a file as it is, and hold back what the channel cannot send at once', async () => {
    await meet();
    await pages[1].evaluate(() => {
      self.received = self.receiveFile(self.channel).then(async (file) => {
        const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
        return `${file.name} ${file.size} ${new Uint8Array(digest).join()}`;
      });
    });
    const sent = await pages[0].evaluate(async () => {
      const { channel, sendFile } = self;
      const bytes = new Uint8Array(8_000_001);
      for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      self.most = 0;
      const send = channel.send.bind(channel) as (data: unknown) => void;
      channel.send = (data: unknown) => {
        send(data);
        self.most = Math.max(self.most, channel.bufferedAmount);
      };
      await sendFile(channel, new File([bytes], 'a name'));
      const digest = await crypto.subtle.digest('SHA-256', bytes);
      return `a name ${bytes.length} ${new Uint8Array(digest).join()}`;
    });
    expect(await pages[1].evaluate(() => self.received)).toBe(sent);
    const most = await pages[0].evaluate(() => self.most);
    expect(most).toBeLessThanOrEqual(1024 * 1024 + 16 * 1024);
  });

  it('take no file that is too large, nor half of one', async () => {
    await meet();
    const why = (limit: number): Promise<string> =>
      pages[1].evaluate(
        (most) =>
          (self.received = self.receiveFile(self.channel, most).then(
            ({ name }) => name,
            ({ message }: Error) => message,
          )),
        limit,
      );
    const tooLarge = why(3);
    await pages[0].evaluate(() => self.sendFile(self.channel, new File(['four'], 'four')));
    expect(await tooLarge).toMatch(/^The file is too large/);
    const half = why(1000);
    await pages[0].evaluate(() => {
      self.channel.send(JSON.stringify({ name: 'half', size: 10 }));
      self.channel.close();
    });
    expect(await half).toBe('The channel was closed.');
  });
}
