// What happens now: one stream of events for the page, told to components at a bearable rate.
import { useEffect, useSyncExternalStore } from 'react';

import { ApiError, get, refreshAll } from './api/client';
import type {
  Hello,
  NoteEvent,
  StudiesEvent,
  StudyEvent,
  StudySummary,
  TrialEvent,
} from './api/types';

/** Lines of the log that are kept. */
export const kLogLines = 500;
// Events are told together, this long after the first: ten thousand a second stay ten updates.
const kTold_ms = 50;
// A stream that the browser gave up is opened anew after this long, and longer each time.
const kRetry_ms = 1000;
const kLongestRetry_ms = 15_000;

export interface Live {
  /** Of the study's trials; 0 until the first event. To be compared for equality only. */
  revision: number;
  summary: StudySummary | undefined;
  loaded: number | undefined;
  connected: boolean;
  /** Why the server refuses to talk to this page at all. */
  refused: string | undefined;
  /** Newest last. */
  log: readonly TrialEvent[];
  /** Grows with each event about a note of the study or of its trials. */
  noteRevision: number;
  /** Summaries that events brought, by study. */
  summaries: ReadonlyMap<number, StudySummary>;
  /** Grows with each stream that began: what was asked before it may have missed a change. */
  hellos: number;
  /** Grows when a study came or went. */
  studiesRevision: number;
}

const kNothing: Live = {
  revision: 0,
  summary: undefined,
  loaded: undefined,
  connected: true,
  refused: undefined,
  log: [],
  noteRevision: 0,
  summaries: new Map(),
  studiesRevision: 0,
  hellos: 0,
};

let told: Live = kNothing;
let next: Live = kNothing;
let study: number | null = null;
let source: EventSource | undefined;
let users = 0;
let epoch: string | undefined;
let telling: ReturnType<typeof setTimeout> | undefined;
let retrying: ReturnType<typeof setTimeout> | undefined;
let retry_ms = kRetry_ms;
const listeners = new Set<() => void>();

function change(part: Partial<Live>): void {
  next = { ...next, ...part };
  telling ??= setTimeout(tellNow, kTold_ms);
}

function tellNow(): void {
  clearTimeout(telling);
  telling = undefined;
  told = next;
  for (const listener of [...listeners]) listener();
}

function onHello(place: string, missed: boolean): void {
  const dash = place.lastIndexOf('-');
  const now = dash < 0 ? place : place.slice(0, dash);
  const other = epoch !== undefined && epoch !== now;
  epoch = now;
  retry_ms = kRetry_ms;
  const anew = other || missed;
  if (anew) refreshAll();
  change({
    connected: true,
    refused: undefined,
    hellos: next.hellos + 1,
    ...(anew ? { revision: 0 } : {}),
  });
}

function onTrial(event: TrialEvent): void {
  if (event.study !== study) return;
  const log = next.log.length < kLogLines ? [...next.log, event] : [...next.log.slice(1), event];
  change({ log, revision: event.revision });
}

function onStudy(event: StudyEvent): void {
  const summaries = new Map(next.summaries).set(event.summary.id, event.summary);
  if (event.summary.id !== study) change({ summaries });
  else change({ summaries, ...event });
}

// A stream that fails does not say why. A server that was started anew with a token knows this page
// no more, and only the reader can mend that.
async function askWhy(): Promise<void> {
  try {
    await get('/api/session');
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) return;
    change({ refused: 'The server asks for its token: open the URL that it printed.' });
  }
}

function listen(): void {
  // EventSource asks again by itself, with Last-Event-ID, when a connection breaks; only when it is
  // refused (the server is gone, or has too many streams) it gives up.
  const mine = new EventSource(study === null ? '/api/events' : `/api/events?study=${study}`);
  source = mine;
  const on = <T>(kind: string, act: (data: T) => void) =>
    mine.addEventListener(kind, (event) => act(JSON.parse((event as MessageEvent<string>).data)));
  on<Hello>('hello', (hello) => onHello(hello.place, false));
  on<Hello>('reset', (hello) => onHello(hello.place, true));
  on<TrialEvent>('trial', onTrial);
  on<StudyEvent>('study', onStudy);
  on<StudiesEvent>('studies', () => change({ studiesRevision: next.studiesRevision + 1 }));
  on<NoteEvent>('note', (note) => {
    if (note.study === study) change({ noteRevision: next.noteRevision + 1 });
  });
  mine.addEventListener('error', () => {
    change({ connected: false });
    if (mine.readyState !== EventSource.CLOSED) return;
    void askWhy();
    retrying = setTimeout(() => {
      // A new stream has no place to resume from: what happened meanwhile is asked for.
      epoch = '';
      listen();
    }, retry_ms);
    retry_ms = Math.min(2 * retry_ms, kLongestRetry_ms);
  });
}

function hush(): void {
  source?.close();
  source = undefined;
  clearTimeout(retrying);
}

function follow(wanted: number | null): void {
  if (source !== undefined && wanted === study) return;
  hush();
  study = wanted;
  const { connected, refused, summaries, studiesRevision, hellos } = next;
  next = { ...kNothing, connected, refused, summaries, studiesRevision, hellos };
  tellNow();
  listen();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Opens the page's stream of events, for one study or (null) for all. Called by the application
 * once; components read it with useLive.
 */
export function useStream(wanted: number | null): void {
  useEffect(() => {
    users += 1;
    follow(wanted);
    return () => {
      users -= 1;
      // Another study follows at once mostly; then `follow` changes the stream.
      if (users === 0) setTimeout(() => users === 0 && hush());
    };
  }, [wanted]);
}

/** What is known of the study (of all of them for null) from events so far. */
export function useLive(wanted: number | null = null): Live {
  const live = useSyncExternalStore(subscribe, () => told);
  // Between a change of study and the new stream there is nothing to tell.
  return wanted === null || wanted === study ? live : kNothing;
}
