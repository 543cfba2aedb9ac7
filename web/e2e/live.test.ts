// What a reader sees while a study runs, while its server comes and goes, and may change.
import { expect } from 'vitest';

import { eventually, figure, it, points, tab } from './browser';
import { Gates, runStudy, writeStudy } from './studies';

const kOffline =
  /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/;

it('shows a study that runs as it happens', async ({ place, reader }) => {
  const gates = new Gates(place);
  const run = place.start(
    'run',
    writeStudy(place, { samples: 2, workers: 1 }),
    '--json',
    '--no-figures',
  );
  await run.line();
  const { origin } = await place.serve('runs/small');
  const page = await reader.open(origin);
  await page.getByRole('link', { name: 'small' }).click();
  const claims = page.getByRole('region', { name: 'Claims' });
  await eventually(() => claims.innerText()).toContain('Inconclusive');
  const progress = page.locator('.progress');
  expect(await progress.innerText()).toContain('0 of 4');

  // A mark that a reload would wipe away.
  await page.evaluate(() => (document.documentElement.dataset.mark = 'here'));
  const scatter = figure(page, /accuracy against/);
  for (const trial of [0, 1]) {
    gates.end(trial);
    await eventually(() => points(scatter)).toBe(trial + 1);
    await eventually(() => progress.innerText()).toContain(`${trial + 1} of 4`);
  }
  await tab(page, 'Log').click();
  const log = page.getByRole('region', { name: 'Lines of the log' });
  gates.report(2);
  await eventually(() => log.innerText()).toMatch(/trial 2 reported accuracy/i);
  gates.end(2);
  gates.end(3);
  await eventually(() => log.innerText()).toMatch(/trial 3 ended: complete/i);
  expect(await run.end()).toBe(0);
  await tab(page, 'Overview').click();
  await eventually(() => points(scatter)).toBe(4);
  await eventually(() => claims.innerText()).toMatch(/Supported(?! so far)/);
  await eventually(() => page.locator('.study-state').innerText()).toContain('done');
  expect(await page.evaluate(() => document.documentElement.dataset.mark)).toBe('here');
});

it('shows a new study in the list without a reload', async ({ place, reader }) => {
  runStudy(place, { name: 'first', samples: 1 });
  const store = place.path('runs/first/study.db');
  const { origin } = await place.serve(store);
  const page = await reader.open(origin);
  await page.getByRole('link', { name: 'first' }).waitFor();
  place.hypertune(
    'run',
    writeStudy(place, { name: 'second', samples: 1 }),
    '--quiet',
    '--no-figures',
    '--storage',
    store,
  );
  await page.getByRole('link', { name: 'second' }).waitFor();
});

it('connects to a server that was started anew, and shows what came meanwhile', async ({
  place,
  reader,
}) => {
  reader.expectFaults(kOffline);
  const gates = new Gates(place);
  const run = place.start(
    'run',
    writeStudy(place, { samples: 2, workers: 1 }),
    '--json',
    '--no-figures',
  );
  await run.line();
  const { server, origin, port } = await place.serve('runs/small');
  const page = await reader.open(`${origin}/studies/1`);
  gates.end(0);
  const scatter = figure(page, /accuracy against/);
  await eventually(() => points(scatter)).toBe(1);
  expect(await server.end('SIGTERM')).toBe(0);
  await page.getByText('The connection to the server is lost').waitFor();
  [1, 2, 3].forEach((trial) => gates.end(trial));
  expect(await run.end()).toBe(0);
  expect(await points(scatter)).toBe(1);
  await place.serve('runs/small', '--port', port);
  await eventually(() => points(scatter)).toBe(4);
  await page.getByText('The connection to the server is lost').waitFor({ state: 'detached' });
  await eventually(() => page.locator('.progress').innerText()).toContain('4 of 4');
});

it('stops, retries and plans trials where that is allowed', async ({ place, reader }) => {
  const gates = new Gates(place);
  const run = place.start(
    'run',
    writeStudy(place, { samples: 1, workers: 1 }),
    '--json',
    '--no-figures',
  );
  await run.line();
  const { origin } = await place.serve('runs/small', '--allow-control');
  const page = await reader.open(`${origin}/studies/1/trials/0`);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Yes, stop it' }).click();
  await eventually(() => page.locator('.trial-header').innerText()).toContain('Pruned');

  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('button', { name: 'Yes, plan it' }).click();
  await page.getByText('Planned as trial 2').waitFor();
  await page.getByRole('link', { name: 'All trials' }).click();
  await page.locator('summary', { hasText: 'Plan a trial' }).click();
  await page.getByRole('textbox', { name: 'learning_rate', exact: true }).fill('7');
  await page.getByRole('button', { name: 'Plan the trial' }).click();
  await page.getByText('This must be between').waitFor();
  await page.getByRole('textbox', { name: 'learning_rate', exact: true }).fill('0.05');
  await page.getByRole('button', { name: 'Plan the trial' }).click();
  await page.getByRole('link', { name: 'Trial 3' }).click();
  await eventually(() => page.getByRole('row', { name: /learning_rate/ }).innerText()).toContain(
    '0.05',
  );

  // The worker whose trial was stopped goes on with all others.
  [1, 2, 3].forEach((trial) => gates.end(trial));
  expect(await run.end()).toBe(0);
  await eventually(() => page.locator('.trial-header').innerText()).toContain('Complete');
  await page.getByRole('link', { name: '← Trial 2' }).click();
  await eventually(() => page.locator('.trial-header').innerText()).toContain('Complete');
});

it('offers no changes where they are not allowed, and the server refuses them', async ({
  place,
  reader,
}) => {
  const { origin } = await place.serve(runStudy(place, { samples: 1 }));
  const page = await reader.open(`${origin}/studies/1/trials/0`);
  await page.getByText('Notes can be written when the server was started with').waitFor();
  for (const name of ['Stop', 'Retry', 'Write a note', 'Edit', 'Plan the trial'])
    expect(await page.getByRole('button', { name }).count()).toBe(0);
  const session = (await (await fetch(`${origin}/api/session`)).json()) as { csrf: string };
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': session.csrf };
  for (const [method, path, body] of [
    ['POST', 'trials/0/stop', {}],
    ['POST', 'trials/0/retry', {}],
    ['POST', 'trials', { params: {} }],
    ['PUT', 'note', { text: 'hello', version: 0 }],
  ] as const) {
    const answer = await fetch(`${origin}/api/studies/1/${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    expect([path, answer.status]).toEqual([path, 403]);
  }
});
