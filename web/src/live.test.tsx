// The stream of events: what components are told, and what follows a lost connection.
import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import * as client from './api/client';
import type { StudyEvent, TrialEvent } from './api/types';
import { kLogLines, useLive, useStream } from './live';

class FakeSource extends EventTarget {
  static all: FakeSource[] = [];
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readyState = 1;

  constructor(readonly url: string) {
    super();
    FakeSource.all.push(this);
  }

  close() {
    this.readyState = FakeSource.CLOSED;
  }

  send(kind: string, data: object) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }

  fail(readyState: number) {
    this.readyState = readyState;
    this.dispatchEvent(new Event('error'));
  }
}

const stream = () => {
  const open = FakeSource.all.filter(({ readyState }) => readyState !== FakeSource.CLOSED);
  expect(open.length).toBeLessThanOrEqual(1);
  return FakeSource.all[FakeSource.all.length - 1] as FakeSource;
};

const trial = (number: number, revision: number, study = 1): TrialEvent => ({
  study,
  number,
  revision,
  state: 'Complete',
  what: 'ended',
  text: `Trial ${number} ended`,
  at_ms: 0,
});

const counts = { waiting: 0, running: 0, paused: 0, complete: 3, pruned: 0, failed: 0 };
const studyEvent = (revision: number, id = 1): StudyEvent => ({
  revision,
  loaded: 1,
  summary: {
    id,
    name: 'a study',
    made_by: 'hypertune',
    state: 'running',
    objectives: [],
    counts,
    best: null,
    started_ms: null,
    changed_ms: null,
  },
});

const pass = (ms = 60) => act(() => vi.advanceTimersByTimeAsync(ms));

function open(study: number | null) {
  const use = ({ of }: { of: number | null }) => {
    useStream(of);
    return useLive(of);
  };
  return renderHook(use, { initialProps: { of: study } });
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.all = [];
  vi.stubGlobal('EventSource', FakeSource);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the stream', () => {
  test('is one for the page and follows the study that is looked at', async () => {
    const { rerender, unmount } = open(null);
    expect(stream().url).toBe('/api/events');
    rerender({ of: 4 });
    expect(stream().url).toBe('/api/events?study=4');
    unmount();
    await pass();
    expect(FakeSource.all.every(({ readyState }) => readyState === FakeSource.CLOSED)).toBe(true);
  });

  test('tells revision, summary and log of the study, and nothing of another', async () => {
    const { result, unmount } = open(1);
    stream().send('hello', { place: 'a-1' });
    stream().send('trial', trial(3, 17));
    stream().send('trial', trial(4, 99, 2));
    stream().send('study', studyEvent(18));
    await pass();
    expect(result.current.revision).toBe(18);
    expect(result.current.summary?.counts.complete).toBe(3);
    expect(result.current.log.map(({ number }) => number)).toEqual([3]);
    unmount();
    await pass();
  });

  test('tells many events together', async () => {
    let renders = 0;
    const { unmount } = renderHook(() => {
      useStream(1);
      renders += 1;
      return useLive(1);
    });
    await pass();
    const before = renders;
    for (let i = 0; i < 1000; i++) stream().send('trial', trial(i, i));
    await pass();
    expect(renders - before).toBeLessThanOrEqual(2);
    unmount();
    await pass();
  });

  test('keeps the last lines of the log', async () => {
    const { result, unmount } = open(1);
    for (let i = 0; i < kLogLines + 10; i++) stream().send('trial', trial(i, i));
    await pass();
    expect(result.current.log).toHaveLength(kLogLines);
    expect(result.current.log[0]?.number).toBe(10);
    unmount();
    await pass();
  });
});

describe('a lost connection', () => {
  test('that is resumed in its place asks nothing anew', async () => {
    const { result, unmount } = open(1);
    stream().send('hello', { place: 'a-b-1' });
    await pass();
    const refresh = vi.spyOn(client, 'refreshAll');
    stream().fail(FakeSource.CONNECTING);
    await pass();
    expect(result.current.connected).toBe(false);
    stream().send('hello', { place: 'a-b-2' });
    await pass();
    expect(result.current.connected).toBe(true);
    expect(refresh).not.toHaveBeenCalled();
    unmount();
    await pass();
  });

  test('has everything asked anew after a reset', async () => {
    const refresh = vi.spyOn(client, 'refreshAll');
    const { result, unmount } = open(1);
    stream().send('hello', { place: 'r-1' });
    stream().send('trial', trial(1, 50));
    stream().send('reset', { place: 'r-9' });
    await pass();
    expect(refresh).toHaveBeenCalled();
    expect(result.current.revision).toBe(0);
    unmount();
    await pass();
  });

  test('that the browser gave up is tried again until the server is back', async () => {
    const refresh = vi.spyOn(client, 'refreshAll');
    const { result, unmount } = open(1);
    stream().send('hello', { place: 'g-1' });
    stream().fail(FakeSource.CLOSED);
    await pass(1100);
    expect(FakeSource.all).toHaveLength(2);
    stream().fail(FakeSource.CLOSED);
    await pass(1100);
    expect(FakeSource.all).toHaveLength(2); // patience grows
    await pass(1000);
    expect(FakeSource.all).toHaveLength(3);
    stream().send('hello', { place: 'other-1' });
    await pass();
    expect(result.current.connected).toBe(true);
    expect(refresh).toHaveBeenCalled();
    unmount();
    await pass();
  });

  test('to a server that wants its token says what the reader can do', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 401 }));
    const { result, unmount } = open(1);
    stream().fail(FakeSource.CLOSED);
    await pass();
    expect(result.current.refused).toContain('token');
    await pass(20_000);
    stream().send('hello', { place: 'token-1' });
    await pass();
    expect(result.current.refused).toBeUndefined();
    unmount();
    await pass();
  });
});
