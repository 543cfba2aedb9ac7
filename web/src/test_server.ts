// A server for tests: the mock's answers in place of the network.
import { vi } from 'vitest';

import { answer, type MockAnswer, Refused } from '../mock/answers';
import type { MockStudy } from '../mock/study';
import { refreshAll } from './api/client';
import type { Study } from './api/types';

export interface Asked {
  method: string;
  url: URL;
  body: unknown;
}

/**
 * Answers `fetch` from these studies; `instead` may answer a request otherwise or throw Refused.
 * Returns the list of requests, which grows.
 */
export function serve(
  studies: MockStudy[],
  instead: (asked: Asked) => MockAnswer | undefined = () => undefined,
): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal('fetch', async (path: string, options: RequestInit = {}) => {
    const asked = {
      method: options.method ?? 'GET',
      url: new URL(path, 'http://localhost'),
      body: typeof options.body === 'string' ? (JSON.parse(options.body) as unknown) : undefined,
    };
    all.push(asked);
    const token = new Headers(options.headers).get('X-CSRF-Token') ?? undefined;
    try {
      const found = instead(asked) ?? answer(studies, asked.method, asked.url, asked.body, token);
      return new Response(typeof found === 'string' ? found : JSON.stringify(found));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const body = JSON.stringify({ error: { message: error.message } });
      return new Response(body, { status: error.status });
    }
  });
  refreshAll(); // what was learned from the server of another test is forgotten
  return all;
}

/** The study as the page has it. */
export function studyOf(study: MockStudy): Study {
  const url = new URL(`http://localhost/api/studies/${study.id}`);
  return answer([study], 'GET', url, undefined, undefined) as Study;
}
