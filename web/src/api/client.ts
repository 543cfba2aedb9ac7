// Asking the server: questions that follow a study as it changes, and changes with the CSRF token.
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';

import type { Error as ErrorAnswer, FilterTerm, Session } from './types';

/** What the server refused, in its words. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Revisions of a study may come many times a second; figures are asked for anew this often. */
const kPace_ms = 1000;
/** A server that did not answer at all is asked again after this long. */
const kRetry_ms = 4000;

async function answerOf<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const body = (await response.json().catch(() => undefined)) as Partial<ErrorAnswer> | undefined;
  throw new ApiError(
    response.status,
    body?.error?.message ?? `The server answered with status ${response.status}.`,
  );
}

async function ask(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer. Is hypertune serve still running?');
  }
}

/** GET, once. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answerOf<T>(await ask(path, { headers: { Accept: 'application/json' }, signal }));
}

// --- everything anew ---------------------------------------------------------------------------

let refreshes = 0;
const refreshListeners = new Set<() => void>();

function onRefresh(listener: () => void): () => void {
  refreshListeners.add(listener);
  return () => refreshListeners.delete(listener);
}

/** Has every question asked anew: events were missed, or the server is another one. */
export function refreshAll(): void {
  refreshes += 1;
  session = undefined;
  for (const listener of [...refreshListeners]) listener();
}

// --- questions ---------------------------------------------------------------------------------

/** Asks one path again and again, one request at a time, at most once in kPace_ms. */
class Asker<T> {
  private readonly abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private wanted = false;
  private began = -Infinity;

  constructor(
    private readonly path: string,
    private readonly tell: (data: T | undefined, error: string | undefined) => void,
  ) {}

  want(): void {
    // A request that runs is not cut off: a study that changes faster than the server answers
    // would never be shown.
    if (this.busy) this.wanted = true;
    else if (this.timer === undefined) {
      const wait = Math.max(0, this.began + kPace_ms - Date.now());
      if (wait === 0) void this.ask();
      else this.timer = setTimeout(() => void this.ask(), wait);
    }
  }

  stop(): void {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    this.timer = undefined;
    this.busy = true;
    this.began = Date.now();
    let data: T | undefined;
    let error: string | undefined;
    let unanswered = false;
    try {
      data = await get<T>(this.path, this.abort.signal);
    } catch (caught) {
      unanswered = caught instanceof ApiError && caught.status === 0;
      error = caught instanceof Error ? caught.message : String(caught);
    }
    if (this.abort.signal.aborted) return;
    this.busy = false;
    this.tell(data, error);
    if (unanswered) this.timer = setTimeout(() => void this.ask(), kRetry_ms);
    else if (this.wanted) this.want();
    this.wanted = false;
  }
}

export interface Answer<T> {
  /** The latest answer, also while the next is on its way. */
  data: T | undefined;
  error: string | undefined;
  loading: boolean;
}

/**
 * Asks for `path` with GET and again when `revision` changes: at once for another path, at most once
 * a second for another revision. Keeps the data of the last answer meanwhile, also that of another
 * path: give a component a `key` where that would mislead. Nothing is asked for null.
 */
export function useApi<T>(path: string | null, revision = 0): Answer<T> {
  const refresh = useSyncExternalStore(onRefresh, () => refreshes);
  const [answer, setAnswer] = useState<{ of: string | null; data?: T; error?: string }>({
    of: null,
  });
  const asker = useRef<Asker<T> | undefined>(undefined);
  const seen = useRef(revision);

  useEffect(() => {
    if (path === null) return;
    const mine = new Asker<T>(path, (data, error) =>
      setAnswer((before) =>
        error === undefined ? { of: path, data } : { of: path, data: before.data, error },
      ),
    );
    asker.current = mine;
    mine.want();
    return () => {
      asker.current = undefined;
      mine.stop();
    };
  }, [path, refresh]);

  useEffect(() => {
    if (seen.current === revision) return;
    seen.current = revision;
    asker.current?.want();
  }, [revision]);

  return {
    data: path === null ? undefined : answer.data,
    error: answer.of === path ? answer.error : undefined,
    loading: path !== null && answer.of !== path,
  };
}

// --- the session and changes -------------------------------------------------------------------

let session: Promise<Session> | undefined;

function currentSession(): Promise<Session> {
  if (session === undefined) {
    const asked = get<Session>('/api/session');
    session = asked;
    asked.catch(() => {
      if (session === asked) session = undefined;
    });
  }
  return session;
}

/** Version, store and whether changes are allowed; undefined until it is known. */
export function useSession(): Session | undefined {
  const refresh = useSyncExternalStore(onRefresh, () => refreshes);
  const [known, setKnown] = useState<Session>();
  useEffect(() => {
    let stale = false;
    currentSession().then(
      (answer) => !stale && setKnown(answer),
      () => undefined, // the banner about the connection tells of it
    );
    return () => {
      stale = true;
    };
  }, [refresh]);
  return known;
}

/**
 * Sends a change as JSON, with the CSRF token. Throws ApiError with the server's reason. A server
 * that was started anew has another token: then the change is sent once more with that one.
 */
export async function send<T>(method: 'POST' | 'PUT', path: string, body: unknown): Promise<T> {
  const attempt = async (token: string) =>
    ask(path, {
      method,
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'X-CSRF-Token': token,
      },
      body: JSON.stringify(body),
    });
  const { csrf } = await currentSession();
  const response = await attempt(csrf);
  if (response.status !== 403) return answerOf<T>(response);
  session = undefined;
  const renewed = (await currentSession()).csrf;
  return answerOf<T>(renewed === csrf ? response : await attempt(renewed));
}

/** Names of columns as one argument: a comma in a name asks for the API's JSON form. */
export function nameList(names: readonly string[]): string {
  return names.some((name) => name.includes(',')) ? JSON.stringify(names) : names.join(',');
}

/**
 * The query of a request, `?a=b&filter=[...]`: what is undefined, empty or a list without terms is
 * left out; empty when nothing is left.
 */
export function query(args: Record<string, string | number | FilterTerm[] | undefined>): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined || value === '') continue;
    if (!Array.isArray(value)) out.set(name, String(value));
    else if (value.length > 0) out.set(name, JSON.stringify(value));
  }
  const text = out.toString();
  return text === '' ? '' : `?${text}`;
}
