// The mock server as a part of Vite's: `npm run dev` and, with the policy on scripts, `npm run preview`.
// MOCK_STILL=1 keeps the flagship as it is; MOCK_TRIALS sets the size of the large study.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connect, Plugin } from 'vite';

import type { StudyEvent, TrialEvent } from '../src/api/types';
import { answer, Refused } from './answers';
import { advance, empty, flagship, large, type MockStudy, summaryOf } from './study';

const kEpoch = Date.now().toString(36);

class Mock {
  readonly studies = [flagship(1), large(2, Number(process.env.MOCK_TRIALS ?? 3000)), empty(3)];
  private readonly streams = new Set<{ response: ServerResponse; study: number | null }>();
  private last = 0;

  constructor() {
    if (!process.env.MOCK_STILL) setInterval(() => this.step(), 700).unref();
  }

  handle = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.startsWith('/api/')) next();
    else if (url.pathname === '/api/events') this.stream(url, response);
    else void this.reply(url, request, response);
  };

  private async reply(url: URL, request: IncomingMessage, response: ServerResponse) {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    try {
      const method = request.method ?? 'GET';
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const token = request.headers['x-csrf-token'];
      const given = typeof token === 'string' ? token : undefined;
      const found = answer(this.studies, method, url, body, given);
      if (method !== 'GET' && method !== 'HEAD') this.changed(url);
      const plain = typeof found === 'string';
      response.setHeader('Content-Type', plain ? 'text/plain; charset=utf-8' : 'application/json');
      response.end(plain ? found : JSON.stringify(found));
    } catch (error) {
      response.statusCode = error instanceof Refused ? error.status : 500;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ error: { message: String((error as Error).message) } }));
    }
  }

  private changed(url: URL): void {
    const id = Number(/studies\/(\d+)/.exec(url.pathname)?.[1]);
    const study = this.studies.find((known) => known.id === id);
    if (!study) return;
    const number = /trials\/(\d+)/.exec(url.pathname)?.[1];
    if (url.pathname.endsWith('/note'))
      this.publish(id, 'note', { study: id, number: number ? Number(number) : null, version: 1 });
    study.revision += 1;
    this.tellStudy(study);
  }

  private stream(url: URL, response: ServerResponse): void {
    const study = url.searchParams.get('study');
    const stream = { response, study: study === null ? null : Number(study) };
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    this.streams.add(stream);
    response.on('close', () => this.streams.delete(stream));
    const place = `${kEpoch}-${this.last}`;
    response.write(`id: ${place}\nevent: hello\ndata: ${JSON.stringify({ place })}\n\n`);
  }

  private publish(study: number, kind: string, data: object): void {
    this.last += 1;
    for (const stream of this.streams) {
      if (stream.study !== null && stream.study !== study) continue;
      stream.response.write(
        `id: ${kEpoch}-${this.last}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`,
      );
    }
  }

  private tellStudy(study: MockStudy): void {
    const event: StudyEvent = {
      summary: summaryOf(study),
      revision: study.revision,
      loaded: 1,
    };
    this.publish(study.id, 'study', event);
  }

  private step(): void {
    const study = this.studies[0];
    if (!study) return;
    const tell = (number: number, what: TrialEvent['what'], text: string) => {
      study.revision += 1;
      const state = study.trials[number]?.state ?? 'Waiting';
      const at_ms = Date.now();
      const event = { study: study.id, number, state, what, text, at_ms, revision: study.revision };
      this.publish(study.id, 'trial', event satisfies TrialEvent);
    };
    const running = study.trials.filter((trial) => trial.state === 'Running');
    for (const trial of running) {
      if (trial.params.learning_rate === undefined) continue;
      const ended = advance(trial, Date.now());
      const accuracy = trial.reports[trial.reports.length - 1]?.metrics.val_accuracy ?? 0;
      const shown = `val_accuracy ${accuracy.toFixed(4)}`;
      if (ended) tell(trial.number, 'ended', `Trial ${trial.number} is complete: ${shown}`);
      else
        tell(
          trial.number,
          'reported',
          `Trial ${trial.number}, step ${trial.reports.length}: ${shown}`,
        );
    }
    for (let free = running.length; free < 2; free++) {
      const trial = study.trials.find((waiting) => waiting.state === 'Waiting');
      if (!trial) break;
      trial.state = 'Running';
      trial.started_ms = Date.now();
      trial.worker = `node-1:${1 + (trial.number % 2)}`;
      tell(trial.number, 'started', `Trial ${trial.number} begins on ${trial.worker}`);
    }
    if (running.length > 0) this.tellStudy(study);
  }
}

export function mockServer(): Plugin {
  const use = (middlewares: Connect.Server) => void middlewares.use(new Mock().handle);
  return {
    name: 'hypertune-mock-server',
    configureServer: (server) => use(server.middlewares),
    configurePreviewServer: (server) => use(server.middlewares),
  };
}
