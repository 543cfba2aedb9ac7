// One study as it is now: what the server answered, and what events told since.
import { useApi } from '../api/client';
import type { Study } from '../api/types';
import { type Live, useLive } from '../live';

export interface LiveStudy {
  study: Study | undefined;
  error: string | undefined;
  /** For questions about its trials: another one, another answer. */
  revision: number;
  live: Live;
}

export function useStudy(id: number): LiveStudy {
  const live = useLive(id);
  // The answer of a question that was asked before the stream began may be old: it is asked again.
  const { data, error } = useApi<Study>(`/api/studies/${id}`, live.revision + live.hellos / 1e6);
  const revision = live.revision === 0 ? (data?.revision ?? 0) : live.revision;
  const study =
    data && live.summary
      ? { ...data, summary: live.summary, loaded: live.loaded ?? data.loaded }
      : data;
  return { study, error, revision, live };
}
