#!/usr/bin/env node
// Measures the dashboard in a real browser beside optuna-dashboard, on one large study.
//
// usage: node bench/dashboard/measure.mjs --folder FOLDER [--program build/hypertune]
//          [--make build/make_study] [--peer optuna-dashboard] [--chromium /usr/bin/chromium]
//          [--trials 100000] [--reports 20] [--rounds 5] [--peer-rounds 1] [--peer-patience 300]
//          [--events 50] [--only NAME]
//
// FOLDER keeps the database. Every server listens on loopback. Results are printed as a
// table and written to FOLDER/results.json. docs/benchmarks.md says what is measured.
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    folder: { type: 'string' },
    program: { type: 'string', default: path.join(root, 'build/hypertune') },
    make: { type: 'string', default: path.join(root, 'build/make_study') },
    peer: { type: 'string', default: '' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    trials: { type: 'string', default: '100000' },
    reports: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    'peer-rounds': { type: 'string', default: '1' },
    'peer-patience': { type: 'string', default: '300' },
    events: { type: 'string', default: '50' },
    only: { type: 'string', default: '' },
  },
})

const fail = (text) => {
  console.error(`measure: ${text}`)
  process.exit(2)
}
if (!options.folder) fail('--folder says where the database is kept')
for (const [file, how] of [
  [options.program, 'build the program, or give --program'],
  [options.make, 'build make_study with -DHYPERTUNE_BENCH=ON, or give --make'],
  [options.chromium, 'install chromium, or give --chromium'],
  [path.join(root, 'web/node_modules/playwright-core'), 'run npm ci in web/'],
]) {
  if (!fs.existsSync(file)) fail(`${file} is missing: ${how}`)
}
const { chromium } = createRequire(path.join(root, 'web/package.json'))('playwright-core')

const wants = (name) => options.only === '' || options.only.split(',').includes(name)
const now = () => performance.timeOrigin + performance.now() // ms since 1970
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const sorted = (values) => [...values].sort((a, b) => a - b)
const median = (values) => sorted(values)[Math.floor(values.length / 2)]
const spread = (values) => ({
  median: Math.round(median(values)),
  least: Math.round(Math.min(...values)),
  most: Math.round(Math.max(...values)),
  rounds: values.length,
})

// --- servers -----------------------------------------------------------------------------------

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

const tools = {
  hypertune: {
    command: (db, port) => [options.program, 'serve', `sqlite:///${db}`, '--port', `${port}`],
    study: '/studies/1',
    patience_ms: 60_000,
  },
  peer: {
    command: (db, port) => [
      options.peer,
      `sqlite:///${db}`,
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
    ],
    study: '/dashboard/studies/1',
    patience_ms: 1000 * Number(options['peer-patience']),
  },
}

/** Runs while `use` does; the time of its start is in `began`. */
async function withServer(tool, db, use) {
  const port = await freePort()
  const [program, ...words] = tool.command(db, port)
  const began = now()
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => (said = (said + text).slice(-2000)))
  const ended = new Promise((resolve) => child.on('close', resolve))
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`)
      await sleep(3)
    }
    return await use({ url: `http://127.0.0.1:${port}`, began, ready: now() - began, child })
  } finally {
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(killer)
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

/** Most memory that the process has had, MB. */
function peak_mb({ pid }) {
  const found = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Math.round((Number(found[1]) * 1024) / 1e6)
}

const agent = new http.Agent({ keepAlive: true })
/** Status, bytes of the body as they were sent, and milliseconds. */
function ask(url, headers = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const request = http.get(url, { agent, headers }, (response) => {
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => {
        const body = Buffer.concat(parts)
        resolve({ status: response.statusCode, body, ms: performance.now() - began })
      })
    })
    request.on('error', reject)
  })
}

// --- pages -------------------------------------------------------------------------------------

// Runs in the page. Notes when the first points of a figure were painted: they are found before a
// frame is painted, and the next frame comes after that.
function watchPicture() {
  const points = document.getElementsByClassName('point')
  const look = () => {
    if (points.length > 0) {
      requestAnimationFrame(() => (window.firstPicture = performance.now()))
    } else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

// A browser's context of its own has nothing in its cache.
async function withPage(browser, init, use) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1700 } })
  try {
    const page = await context.newPage()
    for (const script of [].concat(init)) await page.addInitScript(script)
    return await use(page)
  } finally {
    await context.close()
  }
}

/** What the expression comes to, when it does. (Playwright's way is against the page's policy.) */
async function until(page, expression, patience_ms) {
  for (const began = now(); ; await sleep(50)) {
    const value = await page.evaluate(expression)
    if (value) return value
    if (now() - began > patience_ms) throw new Error(`not within ${patience_ms / 1000} s`)
  }
}

async function firstPicture(browser, tool, server) {
  return withPage(browser, watchPicture, async (page) => {
    const files = new Set()
    page.on('response', (response) => {
      const { pathname } = new URL(response.url())
      if (!pathname.startsWith('/api')) files.add(pathname)
    })
    await page.goto(server.url + tool.study, { waitUntil: 'commit' })
    await until(page, 'window.firstPicture !== undefined', tool.patience_ms)
    const { at, origin } = await page.evaluate(
      '({ at: firstPicture, origin: performance.timeOrigin })',
    )
    const caption = await page.locator('figcaption').allInnerTexts()
    return { cold_ms: origin + at - server.began, warm_ms: at, files: [...files], caption }
  })
}

// --- what is measured --------------------------------------------------------------------------

async function pictures(browser, name, db, rounds) {
  const tool = tools[name]
  const result = { cold: [], ready: [], warm: [], first: [] }
  for (let round = 0; round < rounds; round += 1) {
    await withServer(tool, db, async (server) => {
      const cold = await firstPicture(browser, tool, server)
      result.cold.push(cold.cold_ms)
      result.ready.push(server.ready)
      result.first.push(cold.caption.join(' '))
      if (name === 'hypertune') {
        const loaded = await loadedAt(server)
        result.loaded = [...(result.loaded ?? []), loaded - server.began]
      }
      for (let again = 0; again < (round === 0 ? 2 : 1); again += 1) {
        result.warm.push((await firstPicture(browser, tool, server)).warm_ms)
      }
      result.peak_mb = Math.max(result.peak_mb ?? 0, peak_mb(server.child))
      result.files ??= await sizes(server, cold.files)
    })
    console.error(`${name}: round ${round + 1}: ${Math.round(result.cold.at(-1))} ms cold`)
  }
  return result
}

async function loadedAt(server) {
  for (;;) {
    const { body } = await ask(`${server.url}/api/studies/1`)
    if (JSON.parse(body).loaded === 1) return now()
    await sleep(20)
  }
}

/** Bytes that a browser loads, with gzip: of Plotly's own file, and of the others. */
async function sizes(server, files) {
  const total = { page: 0, plotly: 0 }
  for (const file of files) {
    const { body } = await ask(server.url + file, { 'Accept-Encoding': 'gzip' })
    total[path.basename(file).startsWith('plotly') ? 'plotly' : 'page'] += body.length
  }
  return total
}

// Runs in the page. From the last input to the last change of the scatter's marks, painted.
function watchScatter() {
  window.lastInput = 0
  window.lastChange = 0
  const note = (event) => {
    if (event.type === 'keydown' || event.buttons !== 0) window.lastInput = event.timeStamp
  }
  for (const kind of ['keydown', 'pointermove']) window.addEventListener(kind, note, true)
  const observer = new MutationObserver((changes) => {
    const marks = document.querySelector('figure .scatterlayer') // of the first figure
    if (!marks || !changes.some(({ target }) => marks.contains(target))) return
    requestAnimationFrame(() => requestAnimationFrame((time) => (window.lastChange = time)))
  })
  const options = { subtree: true, childList: true, attributes: true }
  observer.observe(document, options)
}

async function settledChange(page) {
  const began = now()
  for (let last = -1; ;) {
    await sleep(400)
    const { input, change } = await page.evaluate('({ input: lastInput, change: lastChange })')
    if (change > input && change === last) return change - input
    if (now() - began > 10_000) throw new Error('the scatter did not change')
    last = change
  }
}

async function filters(browser, db, rounds) {
  const tool = tools.hypertune
  return withServer(tool, db, async (server) => {
    await ask(`${server.url}/api/studies/1`)
    await loadedAt(server)
    const result = { key: [], brush: [], answer: [], kept: [] }
    const axis = 'params.learning_rate'
    for (let i = 0; i < 20; i += 1) {
      const filter = JSON.stringify([{ column: axis, low: 1e-5 * 1.5 ** i }])
      const columns = `number,state,${axis},metrics.val_accuracy,params.batch_norm`
      const query = new URLSearchParams({ columns, filter })
      const answer = await ask(`${server.url}/api/studies/1/figures/points?${query}`)
      if (answer.status !== 200) throw new Error(String(answer.body))
      result.answer.push(answer.ms)
      result.kept.push(JSON.parse(answer.body).total)
    }
    await withPage(browser, watchScatter, async (page) => {
      await page.goto(`${server.url + tool.study}?tab=figures`)
      const end = page.getByRole('slider', { name: 'learning_rate: lower end' })
      await end.waitFor()
      await until(page, 'window.lastChange > 0', tool.patience_ms)
      await sleep(3000) // all other figures are drawn
      for (let i = 0; i < rounds; i += 1) {
        await end.focus()
        await page.keyboard.press('PageUp')
        result.key.push(await settledChange(page))
        await page.keyboard.press('Escape')
        await settledChange(page)
      }
      const group = page.locator('svg g:has(> [aria-label="learning_rate: lower end"])')
      const box = await group.locator('.axis-bar').first().boundingBox()
      const x = box.x + box.width / 2
      for (let i = 0; i < rounds; i += 1) {
        await page.mouse.move(x, box.y + box.height * 0.3)
        await page.mouse.down()
        for (let step = 0; step <= 20; step += 1) {
          await page.mouse.move(x, box.y + box.height * (0.3 + 0.02 * step))
          await sleep(16)
        }
        await page.mouse.up()
        result.brush.push(await settledChange(page))
        await end.focus()
        await page.keyboard.press('Escape')
        await settledChange(page)
      }
    })
    return { ...result, peak_mb: peak_mb(server.child) }
  })
}

// Runs in the page. When the end of a trial was shown first.
function watchLog() {
  window.seen = {}
  const look = () => {
    const at = performance.timeOrigin + performance.now()
    for (const [, number] of document.body.innerText.matchAll(/trial (\d+) ended/g)) {
      window.seen[number] ??= at
    }
  }
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
  })
}

// Runs in the page. When optuna-dashboard's page was told of a trial: before it could show it.
function watchAnswers() {
  window.seen = {}
  const send = XMLHttpRequest.prototype.send
  XMLHttpRequest.prototype.send = function (...words) {
    this.addEventListener('load', () => {
      const at = performance.timeOrigin + performance.now()
      const text = typeof this.response === 'string' ? this.response : JSON.stringify(this.response)
      for (const [, number] of text.slice(0, 1e6).matchAll(/"number": ?(\d+)/g)) {
        window.seen[number] ??= at
      }
    })
    return send.apply(this, words)
  }
}

/** Milliseconds from the commit of a trial's end until the page shows it. */
async function events(browser, name, db, count, pause_ms) {
  const tool = tools[name]
  const copy = `${db}.append`
  fs.copyFileSync(db, copy)
  try {
    return await withServer(tool, copy, async (server) => {
      if (name === 'hypertune') await loadedAt(server)
      const init = name === 'hypertune' ? watchLog : [watchPicture, watchAnswers]
      return withPage(browser, init, async (page) => {
        await page.goto(server.url + tool.study + (name === 'hypertune' ? '?tab=log' : ''))
        if (name === 'peer') {
          await until(page, 'window.firstPicture !== undefined', tool.patience_ms)
        } else await sleep(1000)
        const writer = spawn(options.make, ['--append', copy, `${count}`, `${pause_ms}`])
        const delays = []
        for await (const line of readline.createInterface(writer.stdout)) {
          const [number, committed] = line.split(' ').map(Number)
          const seen = await until(page, `window.seen[${number}]`, tool.patience_ms)
          delays.push(seen - committed)
        }
        return delays
      })
    })
  } finally {
    for (const end of ['', '-wal', '-shm']) fs.rmSync(copy + end, { force: true })
  }
}

// --- all of it ---------------------------------------------------------------------------------

fs.mkdirSync(options.folder, { recursive: true })
const db = path.resolve(options.folder, `study-${options.trials}-${options.reports}.db`)
if (!fs.existsSync(db)) {
  execFileSync(options.make, [`${db}.part`, options.trials, options.reports], { stdio: 'inherit' })
  fs.renameSync(`${db}.part`, db)
}
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--no-sandbox'],
})
const results = {
  processor: os.cpus()[0].model,
  cores: os.cpus().length,
  browser: browser.version(),
  trials: Number(options.trials),
  reports: Number(options.reports),
  load_before: os.loadavg()[0],
}
try {
  await withPage(browser, [], (page) => page.goto('about:blank')) // the browser's own first page
  const rounds = Number(options.rounds)
  const peerRounds = options.peer === '' ? 0 : Number(options['peer-rounds'])
  if (wants('pictures')) results.ours = await pictures(browser, 'hypertune', db, rounds)
  if (wants('filters')) results.filters = await filters(browser, db, rounds)
  if (wants('events')) {
    results.events = await events(browser, 'hypertune', db, Number(options.events), 500)
  }
  if (peerRounds > 0) {
    try {
      if (wants('pictures')) results.peer = await pictures(browser, 'peer', db, peerRounds)
      if (wants('events')) results.peer_events = await events(browser, 'peer', db, 3, 15_000)
    } catch (problem) {
      results.peer_problem = String(problem)
    }
  }
} finally {
  await browser.close()
}
results.load_after = os.loadavg()[0]
fs.writeFileSync(path.join(options.folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)

const text = (values) => {
  if (!values || values.length === 0) return ''
  const { median, least, most } = spread(values)
  return `${median} (${least} to ${most})`
}
const { ours, peer } = results
const rows = [
  ['', 'hypertune', 'optuna-dashboard'],
  ['server started, ms', text(ours?.ready), text(peer?.ready)],
  ['first picture after the start of the server, ms', text(ours?.cold), text(peer?.cold)],
  ['all trials read, ms', text(ours?.loaded), ''],
  ['first picture of a server that runs, ms', text(ours?.warm), text(peer?.warm)],
  ['filter: key to scatter, ms', text(results.filters?.key), ''],
  ['filter: brush to scatter, ms', text(results.filters?.brush), ''],
  ['filter: answer of the server, ms', text(results.filters?.answer), ''],
  ['event after its commit, ms', text(results.events), text(results.peer_events)],
  [
    'most memory of the server, MB',
    Math.max(ours?.peak_mb ?? 0, results.filters?.peak_mb ?? 0) || '',
    peer?.peak_mb ?? '',
  ],
  ['page with gzip, bytes', ours?.files?.page ?? '', peer?.files?.page ?? ''],
  ['Plotly with gzip, bytes', ours?.files?.plotly ?? '', ''],
]
for (const row of rows) console.log(`| ${row.join(' | ')} |`)
if (results.peer_problem) console.log(`optuna-dashboard: ${results.peer_problem}`)
