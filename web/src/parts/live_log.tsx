// What happens now, line by line: newest below, and it can be held.
import { useEffect, useMemo, useRef, useState } from 'react';

import { query, useApi } from '../api/client';
import type { State, TrialEvent, TrialRows } from '../api/types';
import { formatTime } from '../format';
import { kLogLines } from '../live';
import { StateBadge } from './state';

// More often than this nobody can listen to a screen reader.
const kSpoken_ms = 5000;

/** Reads the latest line out, at a rate that can be followed. */
function Spoken({ log }: { log: readonly TrialEvent[] }) {
  const [text, setText] = useState('');
  const latest = useRef('');
  useEffect(() => {
    latest.current = log[log.length - 1]?.text ?? '';
  }, [log]);
  useEffect(() => {
    const timer = setInterval(() => setText(latest.current), kSpoken_ms);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="hidden-visually" aria-live="polite">
      {text}
    </p>
  );
}

const kEarlier = 100;
const kEnds: Partial<Record<State, string>> = {
  Complete: 'is complete',
  Pruned: 'was stopped early',
  Failed: 'failed',
};

/** The ends of trials before the page was opened, as lines; oldest first. */
export function earlierLines(study: number, { columns, rows }: TrialRows): TrialEvent[] {
  const at = (name: string) => columns.indexOf(name);
  const [number, state, ended] = [at('number'), at('state'), at('ended_ms')];
  return rows
    .flatMap((row): TrialEvent[] => {
      const [n, word, at_ms] = [Number(row[number]), row[state] as State, row[ended]];
      const end = kEnds[word];
      if (typeof at_ms !== 'number' || end === undefined) return [];
      const text = `Trial ${n} ${end}`;
      return [{ study, number: n, state: word, what: 'ended', text, at_ms, revision: 0 }];
    })
    .reverse();
}

/** What happened before the page was opened, then what it saw happen. */
function useLines(study: number, log: readonly TrialEvent[]): readonly TrialEvent[] {
  const sort = '-ended_ms,-number';
  const columns = 'number,state,ended_ms';
  const { data } = useApi<TrialRows>(
    `/api/studies/${study}/trials${query({ columns, sort, limit: kEarlier })}`,
  );
  return useMemo(() => {
    if (!data) return log;
    const seen = new Set(log.filter(({ what }) => what === 'ended').map(({ number }) => number));
    const before = earlierLines(study, data).filter(({ number }) => !seen.has(number));
    return [...before, ...log].slice(-kLogLines);
  }, [study, data, log]);
}

/** The time of a day is enough for today; of another day the date as well. */
function clock(ms: number): string {
  const today = formatTime(Date.now()).slice(0, 10);
  const text = formatTime(ms);
  return text.startsWith(today) ? text.slice(11) : text.slice(0, 16);
}

export function LiveLog({ study, log }: { study: number; log: readonly TrialEvent[] }) {
  const [held, setHeld] = useState<readonly TrialEvent[]>();
  const [reports, setReports] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const all = useLines(study, log);
  const lines = (held ?? all).filter((event) => reports || event.what !== 'reported');

  useEffect(() => {
    // Who scrolled up to read is left there.
    const element = box.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [lines.length, log]);

  return (
    <section className="panel stack" aria-labelledby="log-title">
      <header className="row spread">
        <h2 id="log-title">Log</h2>
        <div className="row">
          <label className="row">
            <input
              type="checkbox"
              checked={reports}
              onChange={(event) => setReports(event.target.checked)}
            />
            Reports
          </label>
          <button
            type="button"
            aria-pressed={held !== undefined}
            onClick={() => setHeld(held === undefined ? all : undefined)}
          >
            {held === undefined ? 'Pause' : 'Go on'}
          </button>
        </div>
      </header>
      <div
        ref={box}
        className="log mono"
        role="region"
        aria-label="Lines of the log"
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < 8;
        }}
      >
        {lines.length === 0 && (
          <p className="muted">Nothing has happened yet. New lines appear by themselves.</p>
        )}
        {lines.map((event, i) => (
          <div key={`${event.revision} ${i}`} className="log-line">
            <time
              title={formatTime(event.at_ms)}
              dateTime={new Date(event.at_ms).toISOString()}
              className="muted"
            >
              {clock(event.at_ms)}
            </time>
            <a href={`/studies/${study}/trials/${event.number}`}>#{event.number}</a>
            <StateBadge state={event.state} />
            <span className="log-text">{event.text}</span>
          </div>
        ))}
      </div>
      <p className="muted small">
        {held ? 'Paused: new lines are kept and shown when you go on. ' : ''}
        The last {kLogLines} lines; before this page was opened, only how trials ended.
      </p>
      {held === undefined && <Spoken log={log} />}
    </section>
  );
}
