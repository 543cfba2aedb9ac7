// Which columns a table shows.
import type { ColumnInfo } from '../api/types';
import { columnTitle } from '../format';
import { PopUp } from './pop_up';

const kGroups = [
  { title: 'Trial', holds: (name: string) => !/^(params|metrics)\./.test(name) },
  { title: 'Parameters', holds: (name: string) => name.startsWith('params.') },
  { title: 'Metrics', holds: (name: string) => name.startsWith('metrics.') },
];

export function ColumnChooser({
  columns,
  chosen,
  setChosen,
}: {
  columns: readonly ColumnInfo[];
  chosen: readonly string[];
  setChosen: (chosen: string[] | undefined) => void;
}) {
  const toggle = (name: string) =>
    setChosen(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return (
    <PopUp text="Columns">
      {kGroups.map(({ title, holds }) => {
        const own = columns.filter(({ name }) => name !== 'number' && holds(name));
        if (own.length === 0) return null;
        return (
          <fieldset key={title}>
            <legend>{title}</legend>
            {own.map(({ name }) => (
              <label key={name} className="choice">
                <input
                  type="checkbox"
                  checked={chosen.includes(name)}
                  onChange={() => toggle(name)}
                />
                {columnTitle(name)}
              </label>
            ))}
          </fieldset>
        );
      })}
      <button type="button" onClick={() => setChosen(undefined)}>
        As at first
      </button>
    </PopUp>
  );
}
