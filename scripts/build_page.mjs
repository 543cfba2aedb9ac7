// Builds the dashboard's page with npm and writes it, compressed, as a C++ file to be embedded.
//
// Usage: node scripts/build_page.mjs WEB_FOLDER OUT_FOLDER AUTO|ON NPM
// Writes OUT/page_files.cpp, and OUT/built when the page is in it. With AUTO a failure is no error:
// the program is then built without the page, and the next build tries again.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'

const [web, out, mode, npm] = process.argv.slice(2)
const dist = path.join(out, 'dist')
const source = path.join(out, 'page_files.cpp')
const built = path.join(out, 'built')

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
}

class Failure extends Error {}

function readJson(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : { packages: {} }
}

// Whether node_modules holds the very packages of package-lock.json: npm ci takes a while, and
// empties the folder first.
function isInstalled() {
  const wanted = readJson(path.join(web, 'package-lock.json')).packages
  const here = readJson(path.join(web, 'node_modules', '.package-lock.json')).packages
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional || here[name]?.version === entry.version,
  )
}

function run(what, ...words) {
  const done = spawnSync(npm, words, {
    cwd: web,
    encoding: 'utf8',
    env: { ...process.env, HYPERTUNE_PAGE_OUT: dist, NO_COLOR: '1' },
  })
  if (done.status === 0) return
  const text = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n')
  throw new Failure(`${what} failed${done.error ? `: ${done.error.message}` : ''}\n${text}`)
}

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(folder, entry.name)
      return entry.isDirectory() ? filesBelow(file) : [file]
    })
    .sort()
}

// As octal escapes, which, unlike others, end after three digits.
function literal(bytes) {
  const lines = []
  for (let at = 0; at < bytes.length; at += 4096) {
    let line = ''
    for (const byte of bytes.subarray(at, at + 4096)) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f
      line += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
    }
    lines.push(`"${line}"`)
  }
  return `std::string_view(${lines.join('\n    ') || '""'}, ${bytes.length})`
}

function entry(file) {
  const content = fs.readFileSync(file)
  const name = `/${path.relative(dist, file).split(path.sep).join('/')}`
  const type = types[path.extname(file)]
  if (!type) throw new Failure(`${name}: scripts/build_page.mjs knows no type for such a file`)
  const etag = createHash('sha256').update(content).digest('hex').slice(0, 32)
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants
  const brotli = zlib.brotliCompressSync(content, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_SIZE_HINT]: content.length },
  })
  const gzip = zlib.gzipSync(content, { level: 9 })
  const hashed = name.startsWith('/assets/')
  return `    {"${name}", "${type}", "\\"${etag}\\"", ${hashed},
     ${literal(gzip)},
     ${literal(brotli)}},`
}

function cpp(entries, why) {
  const files =
    entries.length === 0
      ? 'std::span<const PageFile> page_files() { return {}; }'
      : `static const PageFile kFiles[] = {\n${entries.join('\n')}\n};\n` +
        'std::span<const PageFile> page_files() { return kFiles; }'
  return `// The page. Written by scripts/build_page.mjs.
#include "serve/assets.h"

namespace hypertune {

${files}
std::string_view why_no_page() { return "${why}"; }

}  // namespace hypertune
`
}

// Left alone when nothing changes, so that nothing is compiled again.
function write(text) {
  if (fs.existsSync(source) && fs.readFileSync(source, 'utf8') === text) return
  fs.writeFileSync(source, text)
}

fs.mkdirSync(out, { recursive: true })
fs.rmSync(built, { force: true })
try {
  if (!isInstalled()) {
    run('npm ci', 'ci', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=30000')
  }
  fs.rmSync(dist, { recursive: true, force: true })
  run('npm run build', 'run', 'build')
  const files = filesBelow(dist)
  if (!files.includes(path.join(dist, 'index.html'))) throw new Failure('it has no index.html')
  write(cpp(files.map(entry), ''))
  fs.writeFileSync(built, '')
} catch (failure) {
  if (!(failure instanceof Failure)) throw failure
  console.error(`The dashboard's page could not be built: ${failure.message}`)
  if (mode === 'ON') process.exit(1)
  console.error('The program is built without it; the next build tries again.')
  write(cpp([], 'it could not be built when the program was; see what make build says'))
}
