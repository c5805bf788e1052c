import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { readLinesFrom, type WriteLine } from './effect-lines.ts';

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that a test has started. Its signals go to it alone, and to nobody once it has ended. */
export interface CrashProcess {
  readonly name: string;
  readonly pid: number;
  readonly state: 'running' | 'paused' | 'ended';
  /** SIGKILL. */
  kill(): void;
  /** SIGSTOP: from now on it is a zombie in the making, whose lease runs out while it believes to hold it. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGTERM, to a paused one too: it is resumed first. */
  terminate(): void;
  send(line: string): void;
  /** The end of what it printed to both outputs. */
  readonly output: string;
  /** Resolves when it is gone and everything that it wrote was read. */
  readonly ended: Promise<ProcessEnd>;
}

/** A process that is to be started. */
export interface ProcessOptions {
  readonly name: string;
  /** A program for Node.js. */
  readonly script: string;
  readonly args?: readonly string[];
  /** Flags of Node.js, such as `--conditions`. Not this process's own: with `-e` among them it would start itself again and again. @default [] */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what the process writes with `writeLinesTo(3)`. */
  readonly onLine?: WriteLine;
}

/** The processes of one test: what is left of them is killed when the group is disposed, and when this process exits. */
export interface ProcessGroup extends AsyncDisposable {
  start(options: ProcessOptions): CrashProcess;
  /** Those that have not ended. */
  readonly alive: readonly CrashProcess[];
}

const KEPT_OUTPUT = 65_536;

/** Real processes that end with this one: it signals only what it started, and its disposal leaves none behind. */
export function processGroup(): ProcessGroup {
  const alive = new Set<CrashProcess>();
  const killAll = (): void => {
    for (const one of alive) one.kill();
  };
  process.on('exit', killAll);
  return {
    get alive() {
      return [...alive];
    },
    start(options) {
      const started = startProcess(options);
      alive.add(started);
      void started.ended.then(() => alive.delete(started));
      return started;
    },
    async [Symbol.asyncDispose]() {
      killAll();
      await Promise.all([...alive].map(({ ended }) => ended));
      process.off('exit', killAll);
    },
  };
}

function startProcess({ name, script, args = [], execArgv = [], env = {}, onLine }: ProcessOptions): CrashProcess {
  const child: ChildProcess = spawn(process.execPath, [...execArgv, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error(`${name} could not be started: ${script}`);
  let output = '';
  let state: CrashProcess['state'] = 'running';
  const keep = (chunk: unknown): void => void (output = (output + String(chunk)).slice(-KEPT_OUTPUT));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  // Who has died does not read what was sent to it.
  child.stdin?.on('error', () => {});
  const lines = readLinesFrom(child.stdio[3] as Readable, onLine ?? (() => {}));
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', () => (state = 'ended'));
    child.once('close', (code, signal) => {
      void lines.finally(() => resolve({ code, signal }));
    });
  });

  function send(what: NodeJS.Signals, next: CrashProcess['state'] = state): void {
    if (state === 'ended') return;
    child.kill(what);
    state = next;
  }

  return {
    name,
    pid: child.pid,
    get state() {
      return state;
    },
    get output() {
      return output;
    },
    ended,
    kill: () => send('SIGKILL'),
    pause: () => send('SIGSTOP', 'paused'),
    resume: () => send('SIGCONT', 'running'),
    terminate() {
      send('SIGCONT', 'running');
      send('SIGTERM');
    },
    send: (line) => void child.stdin?.write(`${line}\n`),
  };
}

/** For the process that was started: it ends when the one that started it is gone, by SIGKILL too. */
export function endWithParent(): void {
  process.stdin.once('close', () => process.exit(1));
  process.stdin.resume();
  // A pipe is a socket, which can be told not to keep the process alive.
  (process.stdin as { unref?: () => void }).unref?.();
}
