// What the program of a trial printed last.
import { useEffect, useRef, useState } from 'react';

import { ApiError } from '../api/client';

/** Without the codes that color and move on a terminal, and of lines that were redrawn the last state. */
export function plainOutput(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .replace(/\r\n/g, '\n')
    .replace(/^.*\r(?=[^\r\n])/gm, '')
    .replace(/\r/g, '');
}

/** The end of the output at `path`, asked for anew when `revision` changes. */
export function Output({ path, revision }: { path: string; revision: string }) {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<string>();
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      const response = await fetch(path, { signal: abort.signal, credentials: 'same-origin' });
      if (!response.ok) throw new ApiError(response.status, `status ${response.status}`);
      setText(plainOutput(await response.text()));
      setError(undefined);
    };
    read().catch((caught: unknown) => {
      if (!abort.signal.aborted)
        setError(caught instanceof Error ? caught.message : String(caught));
    });
    return () => abort.abort();
  }, [path, revision]);
  useEffect(() => {
    // The end is what people look for.
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  if (error && text === undefined) return <p role="alert">The output cannot be read: {error}</p>;
  if (text === undefined) return <p className="muted">Reading …</p>;
  if (text === '') return <p className="muted">It printed nothing.</p>;
  return (
    <pre ref={box} className="output" tabIndex={0} aria-label="Output of the program">
      {text}
    </pre>
  );
}
