// The state of a trial: a word and a sign, so that color is not all there is.
import type { State } from '../api/types';

const kSigns: Record<State, string> = {
  Waiting: '○',
  Running: '▶',
  Paused: '‖',
  Complete: '✓',
  Pruned: '✂',
  Failed: '✕',
};

export function StateBadge({ state }: { state: State }) {
  return (
    <span className={`state state-${state.toLowerCase()}`}>
      <span aria-hidden="true">{kSigns[state]}</span> {state}
    </span>
  );
}
