// Where a trial comes from and what came of it.
import type { Trial } from '../api/types';

/** Whether there is anything to show. */
export function hasLineage(trial: Trial): boolean {
  const { parent, retry_of, children, attempts } = trial;
  return parent !== null || retry_of !== null || children.length > 0 || attempts.length > 1;
}

export function Lineage({ study, trial }: { study: number; trial: Trial }) {
  const { number, attempts, children, retry_of, parent } = trial;
  const link = (to: number) => <a href={`/studies/${study}/trials/${to}`}>trial {to}</a>;
  const from = parent ?? retry_of;
  const own = (
    <li>
      <strong aria-current="true">trial {number}</strong>, this one
      {attempts.length > 1 && `, attempt ${attempts.indexOf(number) + 1} of ${attempts.length}`}
      {children.length > 0 && (
        <ul>
          {children.map((child) => (
            <li key={child}>
              {link(child)}, {attempts.includes(child) ? 'repeats it' : 'goes on from it'}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
  return (
    <>
      <ul className="lineage">
        {from === null ? (
          own
        ) : (
          <li>
            {link(from)}, {from === retry_of ? 'repeated by' : 'whose checkpoint was taken over by'}
            <ul>{own}</ul>
          </li>
        )}
      </ul>
      {attempts.length > 2 && (
        <p className="attempts">
          All attempts:{' '}
          {attempts.map((each, i) => (
            <span key={each}>
              {i > 0 && ', '}
              {each === number ? `trial ${each}` : link(each)}
            </span>
          ))}
        </p>
      )}
    </>
  );
}
