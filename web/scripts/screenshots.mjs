// Takes the pictures of docs/images from a server that shows a real run of the flagship study:
//   hypertune serve runs/batchnorm-vs-learning-rate
//   npm run screenshots -- http://127.0.0.1:8080
import { mkdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { chromium } from 'playwright-core';

const server = process.argv[2];
if (!server) {
  console.error('Say which server: npm run screenshots -- http://127.0.0.1:8080');
  process.exit(2);
}
const folder = fileURLToPath(new URL('../../docs/images', import.meta.url));
const kMostBytes = 300_000;

async function shown(page) {
  // Every page has a picture; parts of the program come only when they are needed.
  await page.locator('main figure svg').first().waitFor();
  // Everything comes when it is scrolled to.
  const plots = page.locator('.plot');
  for (let i = 0; i < (await plots.count()); ++i) {
    await plots.nth(i).scrollIntoViewIfNeeded();
    await plots.nth(i).locator('svg').first().waitFor();
  }
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
  await page.evaluate(() => window.scrollTo(0, 0));
}

const pictures = {
  overview: { at: () => '', height: 1245, schemes: ['light', 'dark'] },
  figures: { at: () => '?tab=figures', schemes: ['dark'] },
  trial: { at: (best) => `/trials/${best}`, schemes: ['dark'] },
  parallel: {
    at: (best, filter) => `?tab=figures&filter=${filter}`,
    schemes: ['light'],
    crop: (page) =>
      page.locator('figure').filter({ has: page.getByRole('heading', { name: /^Parallel/ }) }),
  },
};

const { studies } = await (await fetch(new URL('/api/studies', server))).json();
const study = studies[0];
const filter = encodeURIComponent(
  JSON.stringify([{ column: 'params.learning_rate', low: 0.003, high: 0.1 }]),
);
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.HYPERTUNE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
let tooLarge = false;
for (const colorScheme of ['light', 'dark']) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
  });
  for (const [name, { at, crop, schemes, height = 800 }] of Object.entries(pictures)) {
    if (!schemes.includes(colorScheme)) continue;
    const page = await context.newPage();
    await page.setViewportSize({ width: 1280, height });
    await page.goto(new URL(`/studies/${study.id}${at(study.best?.number, filter)}`, server).href);
    await shown(page);
    const file = path.join(folder, `dashboard-${name}-${colorScheme}.png`);
    await (crop?.(page) ?? page).screenshot({ path: file, animations: 'disabled' });
    const { size } = await stat(file);
    console.log(`${String(size).padStart(8)}  ${path.basename(file)}`);
    tooLarge ||= size > kMostBytes;
    await page.close();
  }
  await context.close();
}
await browser.close();
if (tooLarge) {
  console.error(`Pictures are to have at most ${kMostBytes} bytes.`);
  process.exit(1);
}
