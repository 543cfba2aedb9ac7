// Fails when what a browser loads before the figures' library is too large: 200 kB with gzip.
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const limit = 200_000;
const folder = process.env.HYPERTUNE_PAGE_OUT ?? fileURLToPath(new URL('../dist', import.meta.url));

async function files(of) {
  const entries = await readdir(of, { withFileTypes: true });
  const lists = entries.map((entry) => {
    const at = path.join(of, entry.name);
    return entry.isDirectory() ? files(at) : [at];
  });
  return (await Promise.all(lists)).flat();
}

let total = 0;
for (const file of await files(folder)) {
  const bytes = gzipSync(await readFile(file), { level: 9 }).length;
  const counted = !path.basename(file).startsWith('plotly');
  if (counted) total += bytes;
  console.log(
    `${String(bytes).padStart(8)}  ${path.relative(folder, file)}${counted ? '' : ' (not counted)'}`,
  );
}
console.log(`${String(total).padStart(8)}  in all, at most ${limit}`);
if (total > limit) {
  console.error('The page is too large: load what is not needed at once lazily, or leave it out.');
  process.exit(1);
}
