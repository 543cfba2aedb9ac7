// Runs a command on the page for ctest: node run.mjs COMMAND... in web/. Exit code 77: skipped, and
// the output says why.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const [command, ...args] = process.argv.slice(2);
const missing = [
  // Made by the build, together with web/node_modules.
  [process.env.HYPERTUNE_PAGE_BUILT, 'the page was not built; see what make build says'],
  [process.env.HYPERTUNE_CHROMIUM, 'Chromium was not found (Debian: chromium)'],
].find(([file]) => file !== undefined && !existsSync(file));
if (missing) {
  console.log(`skipped: ${missing[1]}`);
  process.exit(77);
}
const done = spawnSync(command, args, { cwd: web, stdio: 'inherit' });
if (done.error) console.error(`${command}: ${done.error.message}`);
process.exit(done.status ?? 1);
