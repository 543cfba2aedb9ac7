// Markdown that others wrote, shown without trusting it.
import { useEffect, useRef, useState } from 'react';

// What Markdown needs, and nothing that could act, load or cover the page.
const kTags = [
  ...[
    'a',
    'blockquote',
    'br',
    'code',
    'del',
    'em',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'hr',
    'img',
  ],
  ...['kbd', 'li', 'ol', 'p', 'pre', 'strong', 'sub', 'sup'],
  ...['table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
];
const kAttributes = ['alt', 'colspan', 'href', 'rowspan', 'src', 'start', 'title'];
const kLink = /^(?:https?:|mailto:|#|\/(?!\/))/i;
const kImage = /^data:image\/(?:png|jpeg|gif|webp);base64,/i;

/** The text as elements that can do no harm: no scripts, styles or handlers, no image from elsewhere. */
export async function renderMarkdown(text: string): Promise<DocumentFragment> {
  // Loaded when a note is shown first: most pages have none.
  const [{ marked }, { default: createPurifier }] = await Promise.all([
    import('marked'),
    import('dompurify'),
  ]);
  const html = await marked.parse(text, { gfm: true, async: true });
  // One of our own: hooks are kept in the purifier, and others must not find them.
  const purifier = createPurifier(window);
  purifier.addHook('afterSanitizeAttributes', secureElement);
  return purifier.sanitize(html, {
    ALLOWED_TAGS: kTags,
    ALLOWED_ATTR: kAttributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

function secureElement(element: Element): void {
  if (element.tagName === 'IMG' && !kImage.test(element.getAttribute('src') ?? '')) {
    // A picture from elsewhere would tell its server who reads the note; the policy blocks it anyway.
    element.replaceWith(`[image: ${element.getAttribute('alt') || 'not shown'}]`);
    return;
  }
  if (element.tagName !== 'A') return;
  const address = (element.getAttribute('href') ?? '').trim();
  if (!kLink.test(address)) {
    element.removeAttribute('href');
    return;
  }
  element.setAttribute('rel', 'noopener noreferrer');
  if (/^https?:/i.test(address)) element.setAttribute('target', '_blank');
}

/** Shows Markdown; as plain text until what renders it is loaded, and when it cannot be. */
export function Markdown({ text }: { text: string }) {
  const holder = useRef<HTMLDivElement>(null);
  const [rendered, setRendered] = useState(false);
  useEffect(() => {
    let stale = false;
    renderMarkdown(text).then(
      (fragment) => {
        if (stale || !holder.current) return;
        holder.current.replaceChildren(fragment);
        setRendered(true);
      },
      () => {
        if (!stale) setRendered(false);
      },
    );
    return () => {
      stale = true;
    };
  }, [text]);
  return (
    <>
      {!rendered && <pre className="markdown-source">{text}</pre>}
      <div ref={holder} className="markdown" hidden={!rendered} />
    </>
  );
}
