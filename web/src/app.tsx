// The application: header, the banner of a lost connection, and the page that the URL names.
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';

import { useSession } from './api/client';
import { useLive, useStream } from './live';
import { StudiesPage } from './pages/studies';
import { StudyPage } from './pages/study';
import { ErrorBoundary } from './parts/error_box';
import { ThemeSwitch } from './parts/theme_switch';
import { Waiting } from './parts/waiting';
import { followLinks, placeOf, type Place, usePath } from './state/place';

const TrialRoute = lazy(() => import('./pages/trial_route'));

function pageOf(place: Place): ReactNode {
  switch (place.page) {
    case 'studies':
      return <StudiesPage />;
    case 'study':
      return <StudyPage key={place.study} id={place.study} />;
    case 'trial':
      return <TrialRoute key={place.study} id={place.study} trial={place.trial} />;
    case 'unknown':
      return (
        <div className="panel">
          <h1>There is no such page</h1>
          <p>
            Go to <a href="/">the studies</a>.
          </p>
        </div>
      );
  }
}

// A connection that comes back at once is not worth a word.
const kPatience_ms = 1500;

function Connection() {
  const { connected, refused } = useLive();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLost(!connected), connected ? 0 : kPatience_ms);
    return () => clearTimeout(timer);
  }, [connected]);
  // The region stays, so that what appears in it is read out.
  return (
    <div role="status" className={lost ? 'banner' : undefined}>
      {lost &&
        (refused ??
          'The connection to the server is lost: what you see may be old. ' +
            'The page connects again by itself.')}
    </div>
  );
}

export function App() {
  const path = usePath();
  const place = placeOf(path);
  const session = useSession();
  useStream('study' in place ? place.study : null);

  useEffect(() => {
    document.addEventListener('click', followLinks);
    return () => document.removeEventListener('click', followLinks);
  }, []);

  return (
    <>
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        Skip to content
      </a>
      <header className="top">
        <a href="/" className="brand">
          <img src="/icon.svg" alt="" width="20" height="20" /> hypertune
        </a>
        <span className="muted top-store" title={session?.storage}>
          {session?.storage}
        </span>
        <ThemeSwitch />
      </header>
      <Connection />
      {session?.trouble && (
        <div role="status" className="banner">
          The store cannot be read at present: {session.trouble}
        </div>
      )}
      <main id="content" tabIndex={-1}>
        <ErrorBoundary key={path}>
          <Suspense fallback={<Waiting />}>{pageOf(place)}</Suspense>
        </ErrorBoundary>
      </main>
    </>
  );
}
