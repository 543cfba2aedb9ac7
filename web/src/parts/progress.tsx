// How far a study is: trials by state, as a bar and in words.
import type { Counts, StudySummary } from '../api/types';

type Key = keyof Counts;

// The order of a trial's life, from the end; signs are those of the states elsewhere on the page.
const kParts: [Key, string, string][] = [
  ['complete', '✓', 'complete'],
  ['pruned', '✂', 'pruned'],
  ['failed', '✕', 'failed'],
  ['running', '▶', 'running'],
  ['paused', '‖', 'paused'],
  ['waiting', '○', 'waiting'],
];

export function totalOf(counts: Counts): number {
  return kParts.reduce((sum, [key]) => sum + counts[key], 0);
}

/** "10 complete, 2 running, 8 waiting" */
export function countsText(counts: Counts): string {
  const parts = kParts.filter(([key]) => counts[key] > 0);
  if (parts.length === 0) return 'no trials';
  return parts.map(([key, , word]) => `${counts[key].toLocaleString('en-US')} ${word}`).join(', ');
}

export function CountsBar({ counts }: { counts: Counts }) {
  const total = totalOf(counts);
  return (
    <div className="bar" role="img" aria-label={countsText(counts)}>
      {kParts.map(
        ([key]) =>
          counts[key] > 0 && (
            <span
              key={key}
              className={`bar-${key}`}
              // Few failures among many trials stay visible.
              style={{ width: `${(100 * counts[key]) / total}%`, minWidth: 3 }}
            />
          ),
      )}
    </div>
  );
}

export function Progress({ counts, loaded }: { counts: Counts; loaded: number }) {
  const total = totalOf(counts);
  const ended = counts.complete + counts.pruned + counts.failed;
  return (
    <div className="progress">
      <CountsBar counts={counts} />
      <div className="row progress-legend">
        <span>
          <strong>
            {ended.toLocaleString('en-US')} of {total.toLocaleString('en-US')}
          </strong>{' '}
          trials ended
        </span>
        {kParts.map(
          ([key, sign, word]) =>
            counts[key] > 0 && (
              <span key={key} className="nowrap">
                <span className={`swatch bar-${key}`} aria-hidden="true" />
                <span aria-hidden="true">{sign} </span>
                {counts[key].toLocaleString('en-US')} {word}
              </span>
            ),
        )}
        {loaded < 1 && (
          <span className="muted">{Math.floor(100 * loaded)} % of the trials read so far</span>
        )}
      </div>
    </div>
  );
}

const kStates: Record<StudySummary['state'], [string, string]> = {
  empty: ['○', 'empty'],
  waiting: ['○', 'waiting'],
  running: ['▶', 'running'],
  done: ['✓', 'done'],
  stopped: ['■', 'stopped'],
};

export function StudyState({ state }: { state: StudySummary['state'] }) {
  const [sign, word] = kStates[state];
  return (
    <span className={`nowrap study-state study-${state}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}
