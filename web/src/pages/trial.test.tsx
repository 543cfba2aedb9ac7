// The page of one trial.
import { render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Refused } from '../../mock/answers';
import { emptyTrial, flagship, type MockStudy, type MockTrial } from '../../mock/study';
import type { Parameter, Trial } from '../api/types';
import { plainOutput } from '../parts/output';
import { domainText, stateSentence } from '../parts/trial_texts';
import { serve, studyOf } from '../test_server';
import { TrialPage } from './trial';

afterEach(() => vi.unstubAllGlobals());

function show(study: MockStudy, number: number, instead?: Parameters<typeof serve>[1]) {
  const asked = serve([study], instead);
  render(<TrialPage study={studyOf(study)} number={number} revision={1} />);
  return { asked, user: userEvent.setup() };
}

const trialOf = (change: Partial<Trial>): Trial => ({
  ...emptyTrial(3),
  children: [],
  attempts: [3],
  duration_s: 80,
  has_output: false,
  note_version: 0,
  can_stop: false,
  can_retry: false,
  ...change,
});

/** A study whose trial 1 failed, was repeated by 2 and gone on from by 3. */
function family(): MockStudy {
  const part: Partial<MockTrial>[] = [
    {},
    { state: 'Failed', failure: 'crash', reason: 'signal 11' },
    { retry_of: 1, parent: 1, attempt: 2, state: 'Running' },
    { parent: 1 },
  ];
  const trials = part.map((one, number) => ({ ...emptyTrial(number), ...one }));
  return { ...flagship(1), trials };
}

describe('the page of a trial', () => {
  it('shows what it was given, from which range, and what it gave', async () => {
    show(flagship(1), 4);
    const row = await screen.findByRole('row', { name: /^learning_rate/ });
    expect(row.textContent).toContain('0.0001 to 0.1, log scale');
    const metric = screen.getByRole('row', { name: /^val_accuracy/ });
    expect(metric.textContent).toContain('objective, larger is better');
    expect(screen.getByRole('heading', { level: 1 }).textContent).toBe('Trial 4');
  });
  it('draws each reported metric', async () => {
    show(flagship(1), 4);
    const charts = await screen.findAllByRole('img');
    const labels = charts.map((one) => one.getAttribute('aria-label')?.split(':')[0]);
    expect(labels).toEqual(['val_accuracy', 'val_loss']);
  });
  it('shows what its program printed last', async () => {
    show(flagship(1), 4);
    expect((await screen.findByLabelText('Output of the program')).textContent).toContain(
      'epoch 10',
    );
  });
  it('leads to the trials beside it and to a comparison with the best', async () => {
    const study = flagship(1);
    show(study, 0);
    await screen.findByText(/It ended with a result/);
    const links = within(screen.getByRole('navigation')).getAllByRole('link');
    const best = studyOf(study).summary.best?.number;
    expect(links.map((one) => one.getAttribute('href'))).toEqual([
      '/studies/1/trials/1',
      '/studies/1?tab=trials',
      `/studies/1?tab=compare&compare=0%2C${best}`,
    ]);
  });
  it('says that there is no such trial', async () => {
    show(flagship(1), 99);
    expect((await screen.findByRole('alert')).textContent).toContain('There is no trial 99.');
    expect(screen.queryByRole('link', { name: /Trial 98/ })).toBeNull();
  });
  it('shows where the trial comes from and what came of it', async () => {
    show(family(), 1);
    const list = (await screen.findByText(/this one/)).closest('ul');
    const lines = [...(list?.querySelectorAll('li li') ?? [])].map((one) => one.textContent);
    expect(lines).toEqual(['trial 2, repeats it', 'trial 3, goes on from it']);
    expect(screen.getByText(/Its program crashed: signal 11/)).toBeTruthy();
  });
  it('shows that a trial repeats another', async () => {
    show(family(), 2);
    expect((await screen.findByText(/repeated by/)).textContent).toContain('trial 1');
    expect(screen.getByText(/attempt 2 of 2/)).toBeTruthy();
  });
});

describe('stop and retry', () => {
  it('are not offered where changes are not allowed', async () => {
    const session = { version: '1', storage: '', control: false, csrf: '' };
    show(family(), 1, ({ url }) => (url.pathname === '/api/session' ? session : undefined));
    await screen.findByText(/Its program crashed/);
    expect(screen.queryByRole('button', { name: 'Retry' })).toBeNull();
  });
  it('ask first, by keyboard too, and Escape takes the question back', async () => {
    const study = family();
    const { user, asked } = show(study, 2);
    const button = await screen.findByRole('button', { name: 'Stop' });
    button.focus();
    await user.keyboard('{Enter}');
    expect(document.activeElement?.textContent).toBe('Yes, stop it');
    await user.keyboard('{Escape}');
    expect(document.activeElement?.textContent).toBe('Stop');
    expect(asked.every(({ method }) => method === 'GET')).toBe(true);
    await user.keyboard('{Enter}{Enter}');
    await waitFor(() => expect(study.trials[2]?.state).toBe('Pruned'));
  });
  it('lead to the trial that was planned', async () => {
    const study = family();
    const { user } = show(study, 1);
    await user.click(await screen.findByRole('button', { name: 'Retry' }));
    await user.click(screen.getByRole('button', { name: 'Yes, plan it' }));
    const link = await screen.findByRole('link', { name: 'trial 4' });
    expect(link.getAttribute('href')).toBe('/studies/1/trials/4');
    expect(study.trials).toHaveLength(5);
  });
  it('say why the server refused', async () => {
    const { user } = show(family(), 1, ({ method }) => {
      if (method === 'POST') throw new Refused(409, 'It was retried already.');
      return undefined;
    });
    await user.click(await screen.findByRole('button', { name: 'Retry' }));
    await user.click(screen.getByRole('button', { name: 'Yes, plan it' }));
    expect((await screen.findByRole('alert')).textContent).toBe('It was retried already.');
  });
});

describe('a trial in words', () => {
  it('says for each state how it fares, and why', () => {
    const said = (change: Partial<Trial>) => stateSentence(trialOf(change));
    expect(said({ state: 'Waiting' })).toBe('It waits until a worker takes it.');
    expect(said({ state: 'Running', worker: 'a:1' })).toBe('It runs on a:1.');
    expect(said({ state: 'Pruned', reason: 'worse than the median.' })).toBe(
      'It was stopped early, after 1 min 20 s: worse than the median.',
    );
    expect(said({ state: 'Failed', failure: 'worker-lost' })).toBe(
      'Its worker died or fell silent.',
    );
    expect(said({ state: 'Failed', failure: 'of another program', reason: 'x' })).toBe(
      'It failed: x.',
    );
    expect(said({ state: 'Complete', metrics: { diverged: 1 } })).toContain('diverged');
  });
  it('says which values a parameter may have', () => {
    const parameter = studyOf(flagship(1)).parameters[0];
    expect(domainText(parameter)).toBe('one of true, false, grid axis');
    const whole: Parameter = {
      name: 'layers',
      kind: 'int',
      role: 'sampled',
      choices: [],
      low: 1,
      high: 8,
      log: false,
      step: null,
      when: '',
    };
    expect(domainText({ ...whole, step: 1 })).toBe('1 to 8');
    expect(domainText({ ...whole, step: 2 })).toBe('1 to 8, steps of 2');
    expect(domainText(undefined)).toBe('');
  });
});

it('shows output as a terminal would, without colors', () => {
  expect(plainOutput('\u001b[32mok\u001b[0m\r\n')).toBe('ok\n');
  expect(plainOutput('10 %\r50 %\r100 %\ndone\n')).toBe('100 %\ndone\n');
  expect(plainOutput('10 %\r50 %\r')).toBe('50 %');
});
