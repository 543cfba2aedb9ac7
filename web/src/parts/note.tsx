// A note in Markdown: shown, and edited where changes are allowed, without losing what others wrote.
import { useEffect, useId, useRef, useState } from 'react';

import { ApiError, get, send, useApi, useSession } from '../api/client';
import type { Note as NoteAnswer } from '../api/types';
import { Markdown } from './markdown';
import './trials.css';

/** What is being written, and the version of the note that it began from. */
interface Draft {
  text: string;
  version: number;
}

/** The note at `path`, `/api/studies/1/note`; asked for anew when `revision` changes. */
export function Note({ path, revision }: { path: string; revision?: number }) {
  const { data, error } = useApi<NoteAnswer>(path, revision);
  const control = useSession()?.control ?? false;
  const [saved, setSaved] = useState<NoteAnswer>();
  const [draft, setDraft] = useState<Draft>();
  const title = useId();
  const editButton = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    // The keyboard goes on where the editor was opened.
    if (wasEditing.current && !draft) editButton.current?.focus();
    wasEditing.current = draft !== undefined;
  }, [draft]);

  // What was saved here is known before the server is asked again.
  const note = saved && (!data || saved.version > data.version) ? saved : data;
  return (
    <section className="note" aria-labelledby={title}>
      <header className="note-header">
        <h2 id={title}>Note</h2>
        {control && note && !draft && (
          <button ref={editButton} type="button" onClick={() => setDraft(note)}>
            {note.text === '' ? 'Write a note' : 'Edit'}
          </button>
        )}
      </header>
      {error && !note && <p role="alert">The note cannot be read: {error}</p>}
      {draft ? (
        <Editor
          path={path}
          draft={draft}
          setDraft={setDraft}
          done={(written) => {
            if (written) setSaved(written);
            setDraft(undefined);
          }}
        />
      ) : note && note.text !== '' ? (
        <Markdown text={note.text} />
      ) : (
        note && <p className="muted">{emptyText(control)}</p>
      )}
    </section>
  );
}

function emptyText(control: boolean): string {
  return control
    ? 'No note yet.'
    : 'No note yet. Notes can be written when the server was started with --allow-control.';
}

function Editor({
  path,
  draft,
  setDraft,
  done,
}: {
  path: string;
  draft: Draft;
  setDraft: (draft: Draft) => void;
  done: (written?: NoteAnswer) => void;
}) {
  const [preview, setPreview] = useState(false);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const [theirs, setTheirs] = useState<NoteAnswer>();
  const field = useId();

  const save = async () => {
    setBusy(true);
    setTrouble(undefined);
    try {
      done(await send<NoteAnswer>('PUT', path, { text: draft.text, version: draft.version }));
    } catch (caught) {
      if (caught instanceof ApiError && caught.status === 409) {
        const other = await get<NoteAnswer>(path).catch(() => undefined);
        if (other) setTheirs(other);
        else
          setTrouble('Somebody changed the note meanwhile, and it cannot be read now: try again.');
      } else {
        setTrouble(caught instanceof Error ? caught.message : String(caught));
      }
      setBusy(false);
    }
  };
  const settle = (text: string) => {
    if (theirs) setDraft({ text, version: theirs.version });
    setTheirs(undefined);
    setPreview(false);
  };
  return (
    <form
      className="note-editor"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save();
      }}
    >
      <label htmlFor={field}>Note, in Markdown</label>
      <textarea
        id={field}
        rows={10}
        autoFocus
        hidden={preview}
        value={draft.text}
        onChange={(event) => setDraft({ ...draft, text: event.target.value })}
      />
      {preview && <Markdown text={draft.text} />}
      {theirs && <Conflict mine={draft.text} theirs={theirs.text} settle={settle} />}
      {trouble && <p role="alert">The note was not saved: {trouble}</p>}
      <div className="buttons">
        <button type="submit" className="primary" disabled={busy || theirs !== undefined}>
          Save
        </button>
        <button type="button" aria-pressed={preview} onClick={() => setPreview(!preview)}>
          Preview
        </button>
        <button type="button" onClick={() => done()}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** Somebody else saved meanwhile: their text, and the three ways on. */
function Conflict({
  mine,
  theirs,
  settle,
}: {
  mine: string;
  theirs: string;
  settle: (text: string) => void;
}) {
  return (
    <div className="conflict" role="alert">
      <p>Somebody else changed this note since you opened it. It now says:</p>
      <pre className="markdown-source">{theirs === '' ? '(nothing)' : theirs}</pre>
      <p>Choose what to go on with; nothing is saved until you press Save again.</p>
      <div className="buttons">
        <button type="button" onClick={() => settle(`${theirs}\n\n${mine}`)}>
          Theirs, then mine
        </button>
        <button type="button" onClick={() => settle(mine)}>
          Mine
        </button>
        <button type="button" onClick={() => settle(theirs)}>
          Theirs
        </button>
      </div>
    </div>
  );
}
