// Markdown of others: what it should show, and what it must not do.
import { render, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { Markdown, renderMarkdown } from './markdown';

async function htmlOf(text: string): Promise<string> {
  const holder = document.createElement('div');
  holder.append(await renderMarkdown(text));
  return holder.innerHTML;
}

describe('harmless Markdown', () => {
  it('becomes headings, lists, tables and code', async () => {
    const html = await htmlOf('# Seen\n\n- **one**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n`x < y`');
    expect(html).toContain('<h1>Seen</h1>');
    expect(html).toContain('<li><strong>one</strong></li>');
    expect(html).toContain('<td>2</td>');
    expect(html).toContain('<code>x &lt; y</code>');
  });
  it('keeps links to the web, which open elsewhere and do not tell where they were found', async () => {
    const html = await htmlOf('[paper](https://example.org/a) [trial](/studies/1/trials/2)');
    expect(html).toContain(
      'href="https://example.org/a" rel="noopener noreferrer" target="_blank"',
    );
    expect(html).toContain('href="/studies/1/trials/2" rel="noopener noreferrer">');
  });
  it('keeps images that it holds itself', async () => {
    expect(await htmlOf('![dot](data:image/png;base64,iVBORw0KGgo=)')).toContain('<img');
  });
});

describe('hostile Markdown', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><script>alert(1)</script></svg>',
    '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="javascript:alert(1)"></object><embed src="javascript:alert(1)">',
    '<form action="https://evil.example"><input name=q><button formaction="javascript:alert(1)">x',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" &#106;avascript:alert(1)">x</a>',
    '<a href="java&#10;script:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:alert(1)">x</a>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](//evil.example/a)',
    '![x](https://evil.example/track.png)',
    '![x](javascript:alert(1))',
    '![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)',
    '<img src="data:image/png;base64,AA==" srcset="https://evil.example/a 2x">',
    '<p style="position:fixed;inset:0;background:url(https://evil.example)">x</p>',
    '<style>*{display:none}</style><link rel=stylesheet href=https://evil.example>',
    '<base href="https://evil.example"><meta http-equiv=refresh content="0;url=https://evil.example">',
    '<div id="root" class="panel" name="fetch" onclick=alert(1) tabindex=1>x</div>',
    '<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
    '<template><img src=x onerror=alert(1)></template>',
    '<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>',
    '<details open ontoggle=alert(1)>x</details>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '`<img src=x onerror=alert(1)>`',
    '[<img src=x onerror=alert(1)>](https://example.org "\\"><img src=x onerror=alert(1)>")',
  ];
  it.each(hostile)('does nothing: %s', async (text) => {
    const holder = document.createElement('div');
    holder.append(await renderMarkdown(text));
    const forbidden =
      'script, svg, math, iframe, object, embed, form, input, button, style, link, base, meta, ' +
      'template, video, audio, details, noscript, [style], [id], [class], [name], [srcset]';
    expect(holder.querySelectorAll(forbidden)).toHaveLength(0);
    for (const element of holder.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on/i);
        if (name === 'href') expect(value.trim()).toMatch(/^(https?:|mailto:|#|\/(?!\/))/i);
        if (name === 'src') expect(value).toMatch(/^data:image\/(png|jpeg|gif|webp);/);
      }
    }
  });
  it('leaves the words of an image from elsewhere', async () => {
    expect(await htmlOf('![the curve](https://evil.example/a.png)')).toBe(
      '<p>[image: the curve]</p>\n',
    );
  });
});

it('shows the text as it is until it is rendered, then only once', async () => {
  render(<Markdown text="some **bold** words" />);
  expect(screen.getByText('some **bold** words')).toBeTruthy();
  await waitFor(() => expect(screen.getByText('bold').tagName).toBe('STRONG'));
  expect(screen.queryByText('some **bold** words')).toBeNull();
});
