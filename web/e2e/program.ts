// The program for the tests of the page: a folder of its own, runs and servers in it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const kProgram =
  process.env.HYPERTUNE_PROGRAM ?? fileURLToPath(new URL('../../build/hypertune', import.meta.url));
// With Optuna, where there is one.
const kPython =
  [process.env.HYPERTUNE_OPTUNA_PYTHON ?? ''].find((file) => existsSync(file)) ?? 'python3';
// What takes longer is stuck; machines that test are busy.
export const kPatience_ms = 30_000;

/** A process that runs, and what it wrote. */
export class Running {
  out = '';
  err = '';
  readonly #ended: Promise<number>;
  readonly #process: ChildProcess;
  #listeners: (() => void)[] = [];

  constructor(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv) {
    this.#process = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const tell = () => this.#listeners.forEach((listener) => listener());
    this.#process.stdout?.on('data', (data: Buffer) => {
      this.out += data.toString();
      tell();
    });
    this.#process.stderr?.on('data', (data: Buffer) => (this.err += data.toString()));
    this.#ended = new Promise((resolve) => {
      const end = (code: number) => {
        resolve(code);
        tell();
      };
      this.#process.on('error', (error) => {
        this.err += error.message;
        end(127);
      });
      this.#process.on('exit', (code) => end(code ?? -1));
    });
  }

  /** Its first line. */
  async line(): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const end = this.out.indexOf('\n');
        if (end >= 0) resolve(this.out.slice(0, end));
        else if (this.#process.exitCode !== null || this.err.includes('ENOENT'))
          reject(new Error(`it ended without a line: ${this.err}`));
      };
      this.#listeners.push(look);
      look();
    });
  }

  /** The exit code, after the signal where one is given; what does not end is killed. */
  async end(signal?: NodeJS.Signals): Promise<number> {
    if (signal && this.#process.exitCode === null) this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), kPatience_ms);
    const code = await this.#ended;
    clearTimeout(timer);
    return code;
  }
}

export interface Served {
  /** As printed, with the token where there is one. */
  url: string;
  /** Without path and token. */
  origin: string;
  port: string;
  server: Running;
}

/** An empty folder in which the program runs without a network; all that was started ends with it. */
export class Workplace {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'hypertune-page-'));
  readonly #env: NodeJS.ProcessEnv;
  readonly #started: Running[] = [];

  constructor() {
    const home = this.path('home');
    mkdirSync(home);
    this.#env = {
      PATH: process.env.PATH,
      HOME: home,
      LC_ALL: 'C.UTF-8',
      HYPERTUNE_OFFLINE: '1',
    };
  }

  path(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** Runs to its end, which must be good; returns what it printed. */
  run(command: string, ...args: string[]): string {
    const done = spawnSync(command, args, {
      cwd: this.folder,
      env: this.#env,
      encoding: 'utf8',
      timeout: kPatience_ms,
    });
    if (done.status !== 0)
      throw new Error(`${command} ${args.join(' ')}: ${done.error?.message ?? done.stderr}`);
    return done.stdout;
  }

  hypertune(...args: string[]): string {
    return this.run(kProgram, ...args);
  }

  python(script: string, ...args: string[]): string {
    return this.run(kPython, '-c', script, ...args);
  }

  start(...args: string[]): Running {
    const running = new Running(kProgram, args, this.folder, this.#env);
    this.#started.push(running);
    return running;
  }

  async serve(...args: string[]): Promise<Served> {
    const port = args.includes('--port') ? [] : ['--port', '0'];
    const server = this.start('serve', ...args, ...port);
    const url = await server.line();
    const { origin, port: taken } = new URL(url);
    return { url, origin, port: taken, server };
  }

  async clear(): Promise<void> {
    // Held trials see that the folder is gone, and end by themselves.
    rmSync(this.path('gates'), { recursive: true, force: true });
    await Promise.all(this.#started.map((running) => running.end('SIGTERM')));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
