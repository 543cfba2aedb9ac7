// A button that opens a panel above the page; Escape and a click elsewhere close it.
import { type ReactNode, type ToggleEvent, useId, useRef } from 'react';

const kGap_px = 4;

/** `name` is what the button says to those who do not see it, where `text` alone is too short. */
export function PopUp({
  text,
  name,
  children,
}: {
  text: ReactNode;
  name?: string;
  children: ReactNode;
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  // The browser puts an open panel above all else, out of what scrolls and clips, and at no place
  // of its own: it belongs under its button, inside of the window.
  const settle = (event: ToggleEvent<HTMLDivElement>) => {
    if (event.newState !== 'open' || !button.current) return;
    const panel = event.currentTarget;
    const at = button.current.getBoundingClientRect();
    const room = window.innerWidth - panel.offsetWidth - kGap_px;
    panel.style.left = `${Math.max(kGap_px, Math.min(at.left, room))}px`;
    panel.style.top = `${at.bottom + kGap_px}px`;
    panel.style.maxHeight = `${Math.max(120, window.innerHeight - at.bottom - 4 * kGap_px)}px`;
  };
  return (
    <>
      <button ref={button} type="button" popoverTarget={id} aria-label={name}>
        {text}
      </button>
      <div id={id} popover="auto" className="pop-up" onToggle={settle}>
        {children}
      </div>
    </>
  );
}
