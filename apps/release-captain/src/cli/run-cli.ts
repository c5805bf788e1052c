import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { PrusikError, systemClock } from '@prusik/core';
import { openApp, type AppOptions } from '../app.ts';
import { NOTES_FILE, probeOutput } from '../tools/publish-notes.ts';
import { HELP, parseCommand, type Command } from './arguments.ts';
import { chooseWording } from './choose-wording.ts';
import { askAboutDraft } from './decide-prompt.ts';
import { decideRun, resolveRun } from './decisions.ts';
import { describeFailure, EXIT, type ExitCode } from './exit-codes.ts';
import { release, type Session } from './release.ts';
import { show } from './show.ts';
import { createJsonTeller, createPersonTeller, type Teller } from './tell.ts';
import { outputOf } from './terminal.ts';

/** The process, handed in so that a test can hold it. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Fires when the person wants out. */
  readonly signal: AbortSignal;
}

export type CliOptions = Pick<AppOptions, 'wording' | 'wrapStore' | 'wrapSandbox'>;

/** Runs one command line to its end. Never throws: what went wrong is a line and an exit code. */
export async function runCli(args: readonly string[], io: Io, options: CliOptions = {}): Promise<ExitCode> {
  const [stdout, stderr] = [outputOf(io.stdout, io.env), outputOf(io.stderr, io.env)];
  let teller: Teller = createPersonTeller(stdout, stderr, systemClock);
  try {
    const command = parseCommand(args, io.cwd, io.env['RELEASE_CAPTAIN_DEFAULT_REPO']);
    if (command.type === 'help') stdout.write(HELP);
    else if (command.type === 'version') stdout.write(`${version()}\n`);
    else {
      if (command.json) teller = createJsonTeller(stdout, stderr);
      return await runCommand(command, teller, io, options);
    }
    return EXIT.ok;
  } catch (error) {
    // Nobody reads any more, so there is nobody to tell.
    if (io.signal.aborted && (io.signal.reason as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.interrupted;
    if (!io.signal.aborted || error !== io.signal.reason) return teller.error(error);
    stderr.write(`Interrupted: ${describeFailure(error).line}\n`);
    return EXIT.interrupted;
  }
}

type RunCommand = Exclude<Command, { type: 'help' | 'version' }>;

async function runCommand(command: RunCommand, teller: Teller, io: Io, options: CliOptions): Promise<ExitCode> {
  if ((command.type !== 'release' || command.mustExist) && !existsSync(command.db)) {
    throw new PrusikError('RUN_UNKNOWN', `There is no database ${command.db}; say where it is with --db or --out`);
  }
  const drives = command.type !== 'show' && command.drive;
  const wording =
    options.wording ?? (command.type === 'show' || !drives ? undefined : await chooseWording(command, io.env));
  // A new database usually lies in --out: what is wrong with that is told as such.
  if (command.type === 'release' && !existsSync(command.db)) await probeOutput(command.out);
  const app = await openApp({ db: command.db, drives, warn: teller.warn, ...options, ...(wording ? { wording } : {}) });
  try {
    const interactive = !command.json && io.stdin.isTTY === true && io.stdout.isTTY === true;
    const session: Session = {
      app,
      teller,
      signal: io.signal,
      by: userName(),
      howTo: (verb, run) => howTo(verb, run, command, io),
      ...(interactive
        ? {
            ask: (input) =>
              askAboutDraft({
                draft: input.markdown,
                file: `${input.out}/${NOTES_FILE}`,
                replaces: input.replaces !== null,
                input: io.stdin,
                output: { ...outputOf(io.stdout, io.env), stream: io.stdout },
                env: io.env,
                folder: dirname(command.db),
                signal: io.signal,
              }),
          }
        : {}),
    };
    switch (command.type) {
      case 'release':
        return await release(session, command);
      case 'show':
        return await show(session, command);
      case 'decide':
        return await decideRun(session, command);
      case 'resolve':
        return await resolveRun(session, command);
      default:
        return command satisfies never;
    }
  } finally {
    await app[Symbol.asyncDispose]();
  }
}

/** A line to type, in whatever way this program was started. */
function howTo(verb: string, run: string, { db, out }: RunCommand, { env, cwd }: Io): string {
  const program = env['RELEASE_CAPTAIN_COMMAND'] ?? 'release-captain';
  const usual = parseCommand([], cwd) as RunCommand;
  const where = [
    ...(out === usual.out ? [] : ['--out', quote(out)]),
    ...(db === `${out}/.release-captain/runs.db` ? [] : ['--db', quote(db)]),
  ];
  const what = verb === 'go on' ? ['--run-id', quote(run)] : [verb, quote(run)];
  return [program, ...what, ...(verb === 'resolve' ? ['happened|retry|fail'] : []), ...where].join(' ');
}

const quote = (text: string): string => (/^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
