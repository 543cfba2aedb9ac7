// Planning a trial by hand: a form made from the parameters of the study.
import { type FormEvent, useId, useRef, useState } from 'react';

import { send } from '../api/client';
import type { Enqueue, Parameter, Planned, Study, Value } from '../api/types';
import { formatValue } from '../format';

export interface Checked {
  /** Undefined: left to the sampler. */
  value?: Value;
  error?: string;
}

/** What was typed for a parameter as its value, or why it cannot be one. */
export function check(parameter: Parameter, text: string): Checked {
  const typed = text.trim();
  if (typed === '') return {};
  if (parameter.choices.length > 0) {
    const value = parameter.choices.find((choice) => String(choice) === typed);
    return value === undefined ? { error: 'This is none of the choices.' } : { value };
  }
  const value = Number(typed);
  if (!Number.isFinite(value)) return { error: 'This must be a number, such as 0.01 or 1e-3.' };
  if (parameter.kind === 'int' && !Number.isInteger(value))
    return { error: 'This must be a whole number.' };
  const { low, high } = parameter;
  if ((low !== null && value < low) || (high !== null && value > high))
    return { error: `This must be between ${formatValue(low)} and ${formatValue(high)}.` };
  return { value };
}

function hintOf({ low, high, log, step, when }: Parameter): string {
  const range = low === null || high === null ? '' : `${formatValue(low)} to ${formatValue(high)}`;
  const steps = step !== null && step !== 1 ? `in steps of ${formatValue(step)}` : '';
  return [range, log && 'log scale', steps, when && `when ${when}`].filter(Boolean).join(', ');
}

interface FieldProps {
  parameter: Parameter;
  text: string;
  error: string | undefined;
  change: (text: string) => void;
}

function Field({ parameter, text, error, change }: FieldProps) {
  const id = useId();
  const hint = hintOf(parameter);
  const shared = {
    id,
    name: parameter.name,
    value: text,
    'aria-invalid': error !== undefined,
    'aria-describedby': `${id}-about`,
  };
  return (
    <div className="field-box">
      <label htmlFor={id}>{parameter.name}</label>
      {parameter.choices.length > 0 ? (
        <select {...shared} onChange={(event) => change(event.target.value)}>
          <option value="">sampled</option>
          {parameter.choices.map((choice) => (
            <option key={String(choice)} value={String(choice)}>
              {formatValue(choice)}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          placeholder="sampled"
          onChange={(event) => change(event.target.value)}
        />
      )}
      <p id={`${id}-about`} className="small">
        {error !== undefined && <span className="error-text">{error} </span>}
        <span className="muted">{hint}</span>
      </p>
    </div>
  );
}

export function EnqueueForm({ study }: { study: Study }) {
  const parameters = study.parameters.filter(({ role }) => role !== 'constant');
  const { id } = study.summary;
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const [answer, setAnswer] = useState<{ planned: number } | { error: string }>();
  const form = useRef<HTMLFormElement>(null);
  const checked = parameters.map((parameter) => check(parameter, texts[parameter.name] ?? ''));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    setAnswer(undefined);
    const wrong = parameters.find((_, i) => checked[i]?.error !== undefined);
    if (wrong) {
      const field = form.current?.elements.namedItem(wrong.name);
      if (field instanceof HTMLElement) field.focus();
      return;
    }
    const params: Enqueue['params'] = {};
    parameters.forEach((parameter, i) => {
      const value = checked[i]?.value;
      if (value !== undefined) params[parameter.name] = value;
    });
    setSending(true);
    try {
      const { number } = await send<Planned>('POST', `/api/studies/${id}/trials`, { params });
      setAnswer({ planned: number });
      setTried(false);
    } catch (error) {
      setAnswer({ error: error instanceof Error ? error.message : String(error) });
    } finally {
      setSending(false);
    }
  };

  return (
    <details className="panel">
      <summary>
        <h2>Plan a trial</h2>
      </summary>
      <form ref={form} className="stack" noValidate onSubmit={(event) => void submit(event)}>
        <p className="muted small">
          A worker runs it next, with these values; what is left empty the sampler chooses.
        </p>
        <div className="fields">
          {parameters.map((parameter, i) => (
            <Field
              key={parameter.name}
              parameter={parameter}
              text={texts[parameter.name] ?? ''}
              error={tried ? checked[i]?.error : undefined}
              change={(text) => setTexts({ ...texts, [parameter.name]: text })}
            />
          ))}
        </div>
        <div className="row">
          <button type="submit" className="primary" disabled={sending}>
            Plan the trial
          </button>
          <span role="status">
            {answer && 'planned' in answer && (
              <>
                <a href={`/studies/${id}/trials/${answer.planned}`}>Trial {answer.planned}</a> is
                planned.
              </>
            )}
            {answer && 'error' in answer && (
              <span className="error-text">It was not planned: {answer.error}</span>
            )}
          </span>
        </div>
      </form>
    </details>
  );
}
