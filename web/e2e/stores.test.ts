// Notes, databases made by Optuna, and the token of a server that other machines reach.
import { expect } from 'vitest';

import { eventually, figure, it, points, tab } from './browser';
import { runStudy } from './studies';

// As optuna-dashboard keeps a note: its version, and its text in pieces.
const kReadNote = `
import json, sqlite3, sys
rows = dict(sqlite3.connect(sys.argv[1]).execute(
    "SELECT key, value_json FROM study_system_attributes WHERE key LIKE 'dashboard:note%'"))
text = "".join(json.loads(rows[key]) for key in sorted(rows) if "note_str" in key)
print(json.dumps({"text": text, "version": json.loads(rows["dashboard:note_ver"])}))
`;

// What optuna-dashboard itself answers, without a port.
const kAskDashboard = `
import io, json, sys
try:
    import optuna_dashboard
except ImportError:
    print("missing")
    sys.exit()
app = optuna_dashboard.wsgi("sqlite:///" + sys.argv[1])
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/1", "QUERY_STRING": "after=0",
           "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
           "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr}
body = b"".join(app(environ, lambda status, headers, *rest: None))
print(json.dumps(json.loads(body)["note"]["body"]))
`;

// Two trials that ended well, one that was pruned, one that failed.
const kMadeByOptuna = `
import sys
try:
    import optuna
except ImportError:
    print("missing")
    sys.exit()
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(study_name="theirs", storage="sqlite:///" + sys.argv[1],
                            direction="minimize", sampler=optuna.samplers.RandomSampler(seed=1))
def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    trial.report(x, 1)
    if trial.number == 2:
        raise optuna.TrialPruned()
    if trial.number == 3:
        raise ValueError("no such gear")
    return x * x
study.optimize(objective, n_trials=6, catch=(ValueError,))
`;

it('keeps notes where optuna-dashboard reads them', async ({ place, reader, skip }) => {
  const { origin } = await place.serve(runStudy(place, { samples: 1 }), '--allow-control');
  const page = await reader.open(`${origin}/studies/1`);
  const note = page.getByRole('region', { name: 'Note' });
  await note.getByRole('button', { name: 'Write a note' }).click();
  const text = `# Seen\n\nIt *works*.\n\n${'long '.repeat(800)}`;
  await note.getByLabel('Note, in Markdown').fill(text);
  await note.getByRole('button', { name: 'Preview' }).click();
  await note.getByRole('heading', { name: 'Seen' }).waitFor();
  await note.getByRole('button', { name: 'Save' }).click();
  await note.getByRole('button', { name: 'Edit' }).waitFor();
  await page.reload();
  await note.getByRole('heading', { name: 'Seen' }).waitFor();
  expect(await note.locator('em').innerText()).toBe('works');

  const store = place.path('runs/small/study.db');
  expect(JSON.parse(place.python(kReadNote, store))).toEqual({ text, version: 1 });
  const theirs = place.python(kAskDashboard, store).trim();
  if (theirs === 'missing') skip('optuna-dashboard is not installed: its answer was not looked at');
  expect(JSON.parse(theirs)).toBe(text);
});

it('runs nothing of a note', async ({ place, reader }) => {
  // The browser says that it blocks what the page is about to take out.
  reader.expectFaults(/inline event handler|script-src-attr|inline style|style-src-elem/);
  const { origin } = await place.serve(runStudy(place, { samples: 1 }), '--allow-control');
  const page = await reader.open(`${origin}/studies/1`);
  await page.getByRole('button', { name: 'Write a note' }).click();
  const evil = "document.title = 'hacked'";
  await page
    .getByLabel('Note, in Markdown')
    .fill(
      `**here** <img src=x onerror="${evil}"> <script>${evil}</script> ` +
        `[link](javascript:${encodeURIComponent(evil)}) <style>body { display: none }</style>`,
    );
  await page.getByRole('button', { name: 'Save' }).click();
  const note = page.locator('.note');
  await note.locator('strong', { hasText: 'here' }).waitFor();
  expect(await note.locator('script, style, img, [onerror], a[href^=javascript]').count()).toBe(0);
  expect(await page.title()).not.toBe('hacked');
});

it('shows a note that somebody else wrote at once', async ({ place, reader, readerWith }) => {
  const { origin } = await place.serve(runStudy(place, { samples: 1 }), '--allow-control');
  const page = await reader.open(`${origin}/studies/1/trials/0`);
  const other = await (await readerWith({})).open(`${origin}/studies/1/trials/0`);
  await page.getByRole('button', { name: 'Write a note' }).click();
  await page.getByLabel('Note, in Markdown').fill('A trial to **remember**');
  await page.getByRole('button', { name: 'Save' }).click();
  await other.locator('strong', { hasText: 'remember' }).waitFor();
});

it('shows a study that Optuna made', async ({ place, reader, skip }) => {
  const made = place.python(kMadeByOptuna, place.path('theirs.db')).trim();
  if (made === 'missing') skip('Optuna is not installed');
  const { origin } = await place.serve('theirs.db');
  const page = await reader.open(origin);
  await page.getByRole('link', { name: 'theirs' }).click();
  await eventually(() => page.locator('.progress').innerText()).toMatch(
    /4 complete[^]*1 pruned[^]*1 failed/,
  );
  await eventually(() => points(figure(page, /against/))).toBeGreaterThanOrEqual(4);
  await tab(page, 'Trials').click();
  const row = page.getByRole('row', { name: /Failed/ });
  await row.getByRole('link').click();
  await page.getByRole('heading', { name: 'Trial 3' }).waitFor();
  await page.getByRole('row', { name: /^kind/ }).waitFor();
});

it('trades the token for a cookie, and takes it out of the address', async ({
  place,
  reader,
  readerWith,
}) => {
  const study = runStudy(place, { samples: 1 });
  const { url } = await place.serve(study, '--bind', '0.0.0.0');
  const token = new URL(url).searchParams.get('token') ?? '';
  expect(token.length).toBeGreaterThanOrEqual(32);
  const here = new URL(url);
  here.hostname = '127.0.0.1';
  const page = await reader.open(here.href);
  await page.getByRole('link', { name: 'small' }).click();
  await eventually(() => points(figure(page, /accuracy against/))).toBe(2);
  expect(page.url()).not.toContain(token);
  await page.goBack();
  await eventually(() => page.url()).toBe(`http://127.0.0.1:${here.port}/`);
  await page.reload();
  await page.getByRole('link', { name: 'small' }).waitFor();
  expect(await page.evaluate(() => document.cookie)).toBe('');

  const stranger = await readerWith({});
  stranger.expectFaults(/401/);
  const refused = await stranger.open(here.origin);
  expect(await refused.locator('body').innerText()).toMatch(/token/);
});
