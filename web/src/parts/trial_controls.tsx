// Stop and Retry, each asked for twice.
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';

import { send, useSession } from '../api/client';
import type { Done, Planned, Trial } from '../api/types';

type Action = 'stop' | 'retry';

const kTexts = {
  stop: { button: 'Stop', question: 'Stop this trial? It becomes Pruned.', yes: 'Yes, stop it' },
  retry: {
    button: 'Retry',
    question: 'Plan a new trial with the same parameters?',
    yes: 'Yes, plan it',
  },
};

/** Buttons for what can be done with the trial; nothing where changes are not allowed. */
export function TrialControls({ study, trial }: { study: number; trial: Trial }) {
  const control = useSession()?.control ?? false;
  const [asking, setAsking] = useState<Action>();
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const [planned, setPlanned] = useState<number>();
  const yes = useRef<HTMLButtonElement>(null);
  const opener = useRef<HTMLElement>(null);
  useEffect(() => {
    if (asking) yes.current?.focus();
    else opener.current?.querySelector('button')?.focus();
  }, [asking]);
  if (!control || !(trial.can_stop || trial.can_retry || planned !== undefined)) return null;

  const act = async (action: Action) => {
    setBusy(true);
    setTrouble(undefined);
    try {
      const path = `/api/studies/${study}/trials/${trial.number}/${action}`;
      const answer = await send<Done | Planned>('POST', path, {});
      if ('number' in answer) setPlanned(answer.number);
    } catch (caught) {
      setTrouble(caught instanceof Error ? caught.message : String(caught));
    }
    setBusy(false);
    setAsking(undefined);
  };
  const cancel = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setAsking(undefined);
  };
  return (
    <div className="trial-controls">
      {asking ? (
        <span role="group" aria-label={kTexts[asking].question} onKeyDown={cancel}>
          {kTexts[asking].question}{' '}
          <button
            ref={yes}
            type="button"
            className="primary"
            disabled={busy}
            onClick={() => void act(asking)}
          >
            {kTexts[asking].yes}
          </button>{' '}
          <button type="button" onClick={() => setAsking(undefined)}>
            No
          </button>
        </span>
      ) : (
        <span ref={opener}>
          {trial.can_stop && (
            <button type="button" onClick={() => setAsking('stop')}>
              {kTexts.stop.button}
            </button>
          )}{' '}
          {trial.can_retry && (
            <button type="button" onClick={() => setAsking('retry')}>
              {kTexts.retry.button}
            </button>
          )}
        </span>
      )}
      {planned !== undefined && (
        <p role="status">
          Planned as <a href={`/studies/${study}/trials/${planned}`}>trial {planned}</a>; it runs
          when a worker takes it.
        </p>
      )}
      {trouble && <p role="alert">{trouble}</p>}
    </div>
  );
}
