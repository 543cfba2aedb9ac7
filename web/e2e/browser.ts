// A real Chromium for the tests of the page: every test gets readers of its own, and none of them
// may see an error in the console or a violation of the Content-Security-Policy.
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { afterAll, expect, test } from 'vitest';

import { kPatience_ms, Workplace } from './program';

let browser: Promise<Browser> | undefined;

async function launched(): Promise<Browser> {
  // In a container Chromium's own sandbox cannot be set up; it shows nothing but our page here.
  browser ??= chromium.launch({
    executablePath: process.env.HYPERTUNE_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
  return browser;
}

afterAll(async () => {
  await (await browser)?.close();
});

/** One who reads pages: a context of the browser, with its cookies and its storage. */
export class Reader {
  readonly faults = new Set<string>();
  readonly #context: BrowserContext;
  #expected: RegExp | undefined;

  constructor(context: BrowserContext) {
    this.#context = context;
    context.setDefaultTimeout(kPatience_ms);
    context.on('page', (page) => {
      page.on('console', (message) => {
        if (message.type() === 'error') this.#fault(`console: ${message.text()}`);
      });
      page.on('pageerror', (error) => this.#fault(`page: ${error.message}`));
    });
  }

  #fault(text: string): void {
    if (!this.#expected?.test(text)) this.faults.add(text);
  }

  /** Errors that the test provokes. */
  expectFaults(like: RegExp): void {
    this.#expected = like;
  }

  async open(url: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

async function newReader(options: BrowserContextOptions): Promise<Reader> {
  const context = await (
    await launched()
  ).newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    acceptDownloads: true,
    ...options,
  });
  await context.addInitScript(() =>
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      console.error(`policy: ${violatedDirective} forbids ${blockedURI} ${sample}`),
    ),
  );
  return new Reader(context);
}

interface Fixtures {
  /** What readers saw that nobody may see. */
  faults: string[];
  place: Workplace;
  /** A reader with other settings of the browser. */
  readerWith: (options: BrowserContextOptions) => Promise<Reader>;
  reader: Reader;
}

export const it = test.extend<Fixtures>({
  // The first of them, so that it is judged when all others were cleared away.
  faults: [
    async ({}, use) => {
      const faults: string[] = [];
      await use(faults);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
  place: async ({}, use) => {
    const place = new Workplace();
    await use(place);
    await place.clear();
  },
  readerWith: async ({ faults }, use) => {
    const readers: Reader[] = [];
    await use(async (options) => {
      const reader = await newReader(options);
      readers.push(reader);
      return reader;
    });
    for (const reader of readers) {
      await reader.close();
      faults.push(...reader.faults);
    }
  },
  reader: async ({ readerWith }, use) => use(await readerWith({})),
});

/** Waits until `read` gives what is expected: the message of the last try is told. */
export const eventually = <T>(read: () => T | Promise<T>) =>
  expect.poll(read, { timeout: kPatience_ms, interval: 50 });

export const figure = (page: Page, title: string | RegExp): Locator =>
  page.locator('figure').filter({ has: page.getByRole('heading', { name: title }) });

/** Points of a scatter, as they are drawn. */
export const points = (at: Locator): Promise<number> =>
  at.locator('.scatterlayer .points path').count();

export const tab = (page: Page, name: string): Locator => page.getByRole('tab', { name });

/** Arguments of the URL. */
export const args = (page: Page): URLSearchParams => new URL(page.url()).searchParams;
