// One study: what it asks, how far it is, and the tabs with everything that is known of it.
import { type KeyboardEvent, lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';

import { useSession } from '../api/client';
import type { Study } from '../api/types';
import { formatNumber, formatTime } from '../format';
import { preparePlots } from '../figures/plot';
import { ScatterFigure } from '../figures/scatter';
import { Chips } from '../parts/chips';
import { ClaimsPanel } from '../parts/claims';
import { EnqueueForm } from '../parts/controls';
import { ErrorBoundary, ErrorBox } from '../parts/error_box';
import { LiveLog } from '../parts/live_log';
import { Note } from '../parts/note';
import { Progress, StudyState } from '../parts/progress';
import { TrialTable } from '../parts/trial_table';
import { Waiting } from '../parts/waiting';
import { type LiveStudy, useStudy } from '../state/study';
import { kTabs, type Tab, useView, type View } from '../state/view';

const FiguresPage = lazy(async () => ({
  default: (await import('../figures/figures_page')).FiguresPage,
}));
const ComparePage = lazy(async () => ({ default: (await import('./compare')).ComparePage }));
const TimelineFigure = lazy(async () => ({
  default: (await import('../figures/timeline')).TimelineFigure,
}));

const kPlotTabs: readonly Tab[] = ['overview', 'figures', 'timeline'];
const kTitles: Record<Tab, string> = {
  overview: 'Overview',
  figures: 'Figures',
  trials: 'Trials',
  compare: 'Compare',
  timeline: 'Timeline',
  log: 'Log',
};

function Header({ study }: { study: Study }) {
  const { summary } = study;
  const { id, best, objectives } = summary;
  return (
    <header className="stack study-header">
      <nav aria-label="Breadcrumb" className="crumbs">
        <a href="/">Studies</a> / <span aria-current="page">{summary.name}</span>
      </nav>
      <div className="row spread">
        <h1>{study.title || summary.name}</h1>
        <StudyState state={summary.state} />
      </div>
      {study.hypothesis !== '' && <p className="hypothesis">{study.hypothesis}</p>}
      <Progress counts={summary.counts} loaded={study.loaded} />
      {study.stopped !== '' && (
        <p className="small">Trials of the plan were not run: {study.stopped}</p>
      )}
      <p className="row facts-line small">
        {best && (
          <span>
            <span className="muted">Best</span> {objectives[0]?.metric}{' '}
            <strong>{formatNumber(best.value)}</strong>{' '}
            <a href={`/studies/${id}/trials/${best.number}`}>trial {best.number}</a>
          </span>
        )}
        <span>
          <span className="muted">Objective</span>{' '}
          {objectives.map(({ metric, direction }) => `${direction} ${metric}`).join(', ')}
        </span>
        {summary.started_ms !== null && (
          <span>
            <span className="muted">Began</span> {formatTime(summary.started_ms)}
          </span>
        )}
        {summary.changed_ms !== null && (
          <span>
            <span className="muted">Last change</span> {formatTime(summary.changed_ms)}
          </span>
        )}
      </p>
    </header>
  );
}

function Tabs({ tab, choose }: { tab: Tab; choose: (tab: Tab) => void }) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a narrow screen the row of tabs scrolls. (Not every test's document can.)
    const chosen = list.current?.querySelector(`#tab-${tab}`);
    chosen?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  }, [tab]);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = kTabs.indexOf(tab);
    const to = {
      ArrowRight: (at + 1) % kTabs.length,
      ArrowLeft: (at + kTabs.length - 1) % kTabs.length,
      Home: 0,
      End: kTabs.length - 1,
    }[event.key];
    const next = to === undefined ? undefined : kTabs[to];
    if (!next) return;
    event.preventDefault();
    choose(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div
      ref={list}
      role="tablist"
      aria-label="Views of the study"
      className="tabs"
      onKeyDown={onKeyDown}
    >
      {kTabs.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={each === tab}
          aria-controls="tab-panel"
          tabIndex={each === tab ? 0 : -1}
          onClick={() => choose(each)}
        >
          {kTitles[each]}
        </button>
      ))}
    </div>
  );
}

function Facts({ facts }: { facts: Study['facts'] }) {
  const rows = Object.entries(facts);
  if (rows.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="facts-title">
      <h2 id="facts-title">Provenance</h2>
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name.replace(/_/g, ' ')}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

interface PanelProps {
  study: Study;
  view: View;
  setView: (change: Partial<View>) => void;
  revision: number;
  live: LiveStudy['live'];
}

function panelOf({ live, ...shared }: PanelProps): ReactNode {
  const { study, revision, view } = shared;
  const { id } = study.summary;
  switch (view.tab) {
    case 'overview':
      return (
        <>
          <ClaimsPanel study={id} revision={revision} />
          <Chips {...shared} />
          {study.summary.state === 'empty' ? (
            <p className="panel">No trial yet. The first appears here by itself.</p>
          ) : (
            <ScatterFigure {...shared} />
          )}
          <div className="columns">
            <section className="panel">
              <Note path={`/api/studies/${id}/note`} revision={live.noteRevision} />
            </section>
            <Facts facts={study.facts} />
          </div>
        </>
      );
    case 'figures':
      return (
        <>
          <Chips {...shared} />
          <FiguresPage {...shared} />
        </>
      );
    case 'trials':
      return (
        <>
          <Chips {...shared} />
          <TrialTable {...shared} />
          <Enqueue study={study} />
        </>
      );
    case 'compare':
      return <ComparePage {...shared} />;
    case 'timeline':
      return (
        <>
          <Chips {...shared} />
          <TimelineFigure {...shared} />
        </>
      );
    case 'log':
      return <LiveLog study={id} log={live.log} />;
  }
}

function Enqueue({ study }: { study: Study }) {
  const control = useSession()?.control ?? false;
  return control && study.parameters.length > 0 ? <EnqueueForm study={study} /> : null;
}

export function StudyPage({ id }: { id: number }) {
  const { study, error, revision, live } = useStudy(id);
  const [view, setView] = useView();
  const hasPlots = kPlotTabs.includes(view.tab);
  useEffect(() => {
    if (hasPlots) preparePlots();
  }, [hasPlots]);
  if (!study) {
    if (!error) return <Waiting />;
    return (
      <div className="stack">
        <ErrorBox title="The study cannot be shown" message={error} />
        <p>
          Go to <a href="/">the studies</a>.
        </p>
      </div>
    );
  }
  return (
    <div className="stack">
      <title>{`${study.title || study.summary.name} · hypertune`}</title>
      {error && <ErrorBox title="The study could not be read again" message={error} />}
      <Header study={study} />
      <Tabs tab={view.tab} choose={(tab) => setView({ tab })} />
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${view.tab}`} className="stack">
        <ErrorBoundary key={view.tab}>
          <h2 className="hidden-visually">{kTitles[view.tab]}</h2>
          <Suspense fallback={<Waiting />}>
            {panelOf({ study, view, setView, revision, live })}
          </Suspense>
        </ErrorBoundary>
      </div>
    </div>
  );
}
