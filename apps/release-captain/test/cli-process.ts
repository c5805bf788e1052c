import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** The program as a process of its own, without a terminal. */
export function cli(cwd: string, ...args: readonly string[]): Promise<CliResult> {
  return run(cwd, args, () => undefined);
}

/** The same, with more in its environment. */
export function cliWith(env: NodeJS.ProcessEnv, cwd: string, ...args: readonly string[]): Promise<CliResult> {
  return run(cwd, args, () => undefined, env);
}

/** The same, with one Ctrl-C as soon as its output looks like `at`. */
export function cliInterrupted(at: RegExp, cwd: string, ...args: readonly string[]): Promise<CliResult> {
  let sent = false;
  return run(cwd, args, (stdout, child) => {
    if (sent || !at.test(stdout)) return;
    sent = true;
    child.kill('SIGINT');
  });
}

/** The same, into a pipe that nobody reads any more after the first output. */
export function cliUnread(cwd: string, ...args: readonly string[]): Promise<CliResult> {
  return run(cwd, args, (_, child) => child.stdout?.destroy());
}

type Watch = (stdout: string, child: ChildProcess) => void;

function run(cwd: string, args: readonly string[], watch: Watch, env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=@prusik/source', MAIN, ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', ...env },
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

/** What is told on stderr besides the one line about missing isolation, which depends on the machine. */
export function complaints({ stderr }: CliResult): readonly string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('warning: git runs without isolation'));
}
