// How numbers, durations, times and values read: one place for the whole page.

export type Scalar = boolean | number | string;

/** What stands where there is no value. */
export const kNothing = '–';

const kMinus = '\u2212';

/** "-1.2e-05" as "−1.2e−5": a true minus, and no padded exponent. */
function typographic(text: string): string {
  return text.replace(/e\+?(-?)0*(\d)/, 'e$1$2').replace(/-/g, kMinus);
}

/**
 * A number to `digits` significant digits, without trailing zeros; whole numbers below 1e9 are shown
 * in full, with commas from 10,000 on. What is not finite or not there reads "–".
 */
export function formatNumber(x: number | null | undefined, digits = 4): string {
  if (x === null || x === undefined || Number.isNaN(x)) return kNothing;
  if (!Number.isFinite(x)) return x > 0 ? '∞' : `${kMinus}∞`;
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e9) {
    return typographic(size < 10_000 ? String(x) : x.toLocaleString('en-US'));
  }
  if (size < 1e-4 || size >= 1e6) {
    return typographic(x.toExponential(digits - 1).replace(/\.?0+e/, 'e'));
  }
  return typographic(String(Number(x.toPrecision(digits))));
}

/** A parameter's value: words as they are, numbers to six digits. */
export function formatValue(value: Scalar | null | undefined): string {
  if (typeof value === 'number') return formatNumber(value, 6);
  return value === null || value === undefined ? kNothing : String(value);
}

/** Seconds as people say them: "0.42 s", "12.3 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return kNothing;
  if (seconds < 0) return `${kMinus}${formatDuration(-seconds)}`;
  if (seconds < 59.95) return `${formatNumber(seconds, 3)} s`;
  const whole = Math.round(seconds);
  const pair = (large: number, of: string, small: number, then: string) =>
    small === 0 ? `${large} ${of}` : `${large} ${of} ${small} ${then}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** Milliseconds since 1970 as local date and time, "2026-11-24 01:40:05". */
export function formatTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return kNothing;
  const time = new Date(ms);
  const two = (part: number) => String(part).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** "1 trial", "2,000 trials". */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** A column of the trials for people: "params.lr" is "lr", "duration_s" is "duration (s)". */
export function columnTitle(column: string): string {
  const own: Record<string, string> = {
    number: 'trial',
    duration_s: 'duration (s)',
    started_ms: 'started',
    ended_ms: 'ended',
  };
  return own[column] ?? column.replace(/^(params|metrics)\./, '');
}

/**
 * The name of a worker for people. Ours are HOST/BOOT/SPACE:PROCESS:START:INDEX, which tells workers
 * apart for ever; host, process and index are enough for a reader. Others' stay as they are.
 */
export function workerTitle(worker: string): string {
  const ours = /^([^/:]+)\/[^:]*:(\d+):[^:]*:(\d+)$/.exec(worker);
  return ours ? `${ours[1]}, process ${ours[2]}, worker ${ours[3]}` : worker;
}

/** A cell of a column: times and durations by their units, all else by its type. */
export function formatCell(column: string, value: Scalar | null | undefined): string {
  if (column === 'worker' && typeof value === 'string') return workerTitle(value);
  if (typeof value !== 'number') return formatValue(value);
  if (column === 'started_ms' || column === 'ended_ms') return formatTime(value);
  if (column === 'number' || column === 'attempt') return String(value);
  return column === 'duration_s' ? formatNumber(value, 3) : formatNumber(value, 5);
}
