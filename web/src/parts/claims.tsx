// What a study claimed before it ran, and what the trials say of it so far.
import { useApi } from '../api/client';
import type { Claim, Claims } from '../api/types';
import { formatNumber } from '../format';
import { ErrorBox } from './error_box';

const kVerdicts: Record<Claim['verdict'], [string, string]> = {
  supported: ['✓', 'Supported'],
  refuted: ['✕', 'Refuted'],
  inconclusive: ['?', 'Inconclusive'],
};

/** "0.91, 95 % interval 0.88 to 0.94"; an open end is said so. */
export function estimateText({ estimate, low, high }: Claim): string {
  if (estimate === null) return 'no estimate yet';
  const value = formatNumber(estimate);
  if (low === null && high === null) return `${value}, no interval yet`;
  if (low === null) return `${value}, 95 % interval up to ${formatNumber(high)}`;
  if (high === null) return `${value}, 95 % interval from ${formatNumber(low)}`;
  return `${value}, 95 % interval ${formatNumber(low)} to ${formatNumber(high)}`;
}

/** The ends of the drawing: all finite numbers of the claim with room around them. */
export function drawnRange(claim: Claim): [number, number] {
  const known = [claim.estimate, claim.low, claim.high, claim.expect_low, claim.expect_high].filter(
    (value) => value !== null,
  );
  const low = Math.min(...known);
  const high = Math.max(...known);
  const room = 0.25 * (high - low) || Math.max(Math.abs(high) * 0.25, 1e-9);
  return known.length === 0 ? [0, 1] : [low - room, high + room];
}

/** ">= 0.8" as "≥ 0.8". */
export function expectText(expect: string): string {
  return expect
    .replace(/>=/g, '≥')
    .replace(/<=/g, '≤')
    .replace(/-(?=\d)/g, '−');
}

const kWidth = 260;
const kHeight = 34;
const kMid = 12;

/** The interval as a line with the estimate as a dot, above the band of what was expected. */
export function IntervalBar({ claim }: { claim: Claim }) {
  const [from, to] = drawnRange(claim);
  const x = (value: number) => ((value - from) / (to - from)) * (kWidth - 8) + 4;
  const bandFrom = claim.expect_low === null ? 0 : x(claim.expect_low);
  const bandTo = claim.expect_high === null ? kWidth : x(claim.expect_high);
  const bounds = [claim.expect_low, claim.expect_high].filter((value) => value !== null);
  const { estimate, low, high } = claim;
  const left = low === null ? 0 : x(low);
  const right = high === null ? kWidth : x(high);
  return (
    <svg
      className={`interval verdict-${claim.verdict}`}
      viewBox={`0 0 ${kWidth} ${kHeight}`}
      role="img"
      aria-label={`Estimate ${estimateText(claim)}; expected ${expectText(claim.expect)}`}
    >
      <rect
        className="interval-band"
        x={bandFrom}
        y={2}
        width={Math.max(1, bandTo - bandFrom)}
        height={20}
      />
      {bounds.map((bound) => (
        <g key={bound}>
          <line className="interval-bound" x1={x(bound)} x2={x(bound)} y1={2} y2={22} />
          <text x={x(bound)} y={33} textAnchor="middle">
            {formatNumber(bound)}
          </text>
        </g>
      ))}
      {estimate !== null && (low !== null || high !== null) && (
        <>
          <line className="interval-line" x1={left} x2={right} y1={kMid} y2={kMid} />
          {low !== null && <line className="interval-line" x1={left} x2={left} y1={7} y2={17} />}
          {high !== null && <line className="interval-line" x1={right} x2={right} y1={7} y2={17} />}
        </>
      )}
      {estimate !== null && <circle className="interval-dot" cx={x(estimate)} cy={kMid} r={4.5} />}
    </svg>
  );
}

function ClaimRow({ claim, open }: { claim: Claim; open: boolean }) {
  const [sign, word] = kVerdicts[claim.verdict];
  return (
    <li className="claim">
      <div className={`verdict verdict-${claim.verdict}`}>
        <span className="verdict-sign" aria-hidden="true">
          {sign}
        </span>
        <span>
          <strong>{word}</strong>
          {open && <span className="muted"> so far</span>}
        </span>
      </div>
      <div className="claim-text">
        <p>{claim.text}</p>
        <p className="muted small">
          {claim.estimand}
          {claim.method !== '' && ` · ${claim.method}`} ·{' '}
          <span className="nowrap">n = {claim.n}</span>
          {claim.trials_begun > 0 && ` · stated when ${claim.trials_begun} trials had begun`}
        </p>
        {claim.note !== '' && <p className="small">{claim.note}</p>}
      </div>
      <div className="claim-numbers">
        <IntervalBar claim={claim} />
        <p className="small">
          {claim.estimate === null ? (
            <span className="muted">no estimate yet</span>
          ) : (
            <>
              <strong>{formatNumber(claim.estimate)}</strong>{' '}
              {(claim.low !== null || claim.high !== null) && (
                <span className="nowrap">
                  [{claim.low === null ? '−∞' : formatNumber(claim.low)},{' '}
                  {claim.high === null ? '∞' : formatNumber(claim.high)}]
                </span>
              )}
            </>
          )}{' '}
          <span className="muted nowrap">expected {expectText(claim.expect)}</span>
        </p>
      </div>
    </li>
  );
}

export function ClaimsPanel({ study, revision }: { study: number; revision: number }) {
  const { data, error } = useApi<Claims>(`/api/studies/${study}/claims`, revision);
  if (!data) return error ? <ErrorBox title="The claims cannot be judged" message={error} /> : null;
  if (data.claims.length === 0) return null;
  const open = data.open > 0;
  return (
    <section className="panel" aria-labelledby="claims-title">
      <header className="row spread">
        <h2 id="claims-title">Claims</h2>
        <span className="muted small">
          {open
            ? `Judged from ${data.complete} complete trials; ${data.open} are still open`
            : `Judged from ${data.complete} complete trials`}
        </span>
      </header>
      <ul className="claims">
        {data.claims.map((claim, i) => (
          <ClaimRow key={i} claim={claim} open={open} />
        ))}
      </ul>
    </section>
  );
}
