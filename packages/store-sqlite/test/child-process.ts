import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Writer {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  send(line: string): void;
  /** Resolves when it has printed this many lines. */
  printed(count: number): Promise<void>;
  /** Resolves to its exit code, or the signal that ended it, once it is gone. */
  readonly gone: Promise<number | NodeJS.Signals | null>;
}

/** Starts `writer.ts` in a process of its own, from the sources. */
export const startWriter = (...args: readonly string[]): Writer =>
  startScript(new URL('writer.ts', import.meta.url), args);

/** Starts `blob-writer.ts`. */
export const startBlobWriter = (...args: readonly string[]): Writer =>
  startScript(new URL('blob-writer.ts', import.meta.url), args);

/** The same for `remover.ts`. */
export const startRemover = (...args: readonly string[]): Writer =>
  startScript(new URL('remover.ts', import.meta.url), args);

/** The same for `compacter.ts`. */
export const startCompacter = (...args: readonly string[]): Writer =>
  startScript(new URL('compacter.ts', import.meta.url), args);

/** The same for `opener.ts`. */
export const startOpener = (...args: readonly string[]): Writer =>
  startScript(new URL('opener.ts', import.meta.url), args);

function startScript(url: URL, args: readonly string[]): Writer {
  const script = fileURLToPath(url);
  const child = spawn(process.execPath, ['--conditions=@prusik/source', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
    waiting = waiting.filter(({ count }) => lines.length < count);
  });
  return {
    process: child,
    lines,
    send: (line) => void child.stdin.write(`${line}\n`),
    printed: (count) =>
      lines.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    gone: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal))),
  };
}
