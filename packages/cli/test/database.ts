import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from '../src/index.ts';

const WORKER = fileURLToPath(new URL('./fixtures/worker.ts', import.meta.url));
export const MAIN: string = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An object that the command has said. */
export type Spoken = Readonly<Record<string, unknown>>;

/** A database that a worker in a process of its own is writing. */
export interface LiveDatabase extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  /** The command, in this process. */
  prusik(...args: readonly string[]): Promise<Said>;
  /** The same with `--json`: the objects that it said. */
  objects(...args: readonly string[]): Promise<readonly Spoken[]>;
  readonly worker: ChildProcess;
}

export function emptyFolder(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-cli-'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

export async function liveDatabase(): Promise<LiveDatabase> {
  const { folder } = emptyFolder();
  const path = join(folder, 'runs.db');
  const worker = spawn(process.execPath, ['--conditions=@prusik/source', WORKER, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  await once(worker.stdout as NodeJS.ReadableStream, 'data');
  const exited = once(worker, 'exit');
  const call = (...args: readonly string[]): Promise<Said> => said(folder, [...args, '--db', path]);
  return {
    folder,
    path,
    worker,
    prusik: call,
    async objects(...args) {
      const { code, stdout, stderr } = await call(...args, '--json');
      if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Spoken);
    },
    async [Symbol.asyncDispose]() {
      worker.stdin?.end();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The command in this process, with streams that are read. */
export async function said(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Said> {
  const [stdout, stderr] = [collected(), collected()];
  const code = await runCli(args, {
    stdin: process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env,
    cwd,
    signal: new AbortController().signal,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collected(): { readonly stream: PassThrough; text(): string } {
  const stream = new PassThrough();
  const pieces: string[] = [];
  stream.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
  return { stream, text: () => pieces.join('') };
}

/** The command as a process of its own; `watch` is told of each piece of its output. */
export function prusikProcess(
  args: readonly string[],
  watch: (stdout: string, child: ChildProcess) => void = () => undefined,
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=@prusik/source', MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text;
      watch(texts.stdout, child);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}
