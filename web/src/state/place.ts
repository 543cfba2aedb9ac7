// Where the reader is: the URL's path, and links that go elsewhere without loading the page anew.
import { useSyncExternalStore } from 'react';

export type Place =
  | { page: 'studies' }
  | { page: 'study'; study: number }
  | { page: 'trial'; study: number; trial: number }
  | { page: 'unknown' };

export function placeOf(path: string): Place {
  if (path === '/' || path === '/studies' || path === '/studies/') return { page: 'studies' };
  const found = /^\/studies\/(\d+)(?:\/trials\/(\d+))?\/?$/.exec(path);
  if (!found) return { page: 'unknown' };
  const study = Number(found[1]);
  return found[2] === undefined
    ? { page: 'study', study }
    : { page: 'trial', study, trial: Number(found[2]) };
}

const listeners = new Set<() => void>();

/** Called whenever the URL has become another one: by navigate, back or forward. */
export function onPlace(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener('popstate', tellAll);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener('popstate', tellAll);
  };
}

function tellAll(): void {
  for (const listener of [...listeners]) listener();
}

let leave: () => void = () => undefined;

/** Has `act` called before navigate leaves a place: the view's state is written to its URL. */
export function beforeLeaving(act: () => void): void {
  leave = act;
}

/** Goes to a path of this page, such as `/studies/1?tab=trials`. */
export function navigate(to: string): void {
  leave();
  window.history.pushState(null, '', to);
  tellAll();
  window.scrollTo(0, 0);
}

export function usePath(): string {
  return useSyncExternalStore(onPlace, () => window.location.pathname);
}

/**
 * Makes plain links `<a href="/studies/...">` change the place without loading the page anew. Links
 * with a target, a download or a held key, and those to the API, are the browser's.
 */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (!(link instanceof HTMLAnchorElement) || link.target !== '' || link.hasAttribute('download'))
    return;
  const to = new URL(link.href);
  if (to.origin !== window.location.origin || placeOf(to.pathname).page === 'unknown') return;
  if (to.hash !== '') return;
  event.preventDefault();
  navigate(to.pathname + to.search);
}
