import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkId, PrusikError } from '@prusik/core';
import { parseModel, type ModelChoice } from '../models.ts';

/** What the person asked for, paths absolute. */
export type Command =
  | { readonly type: 'help' }
  | { readonly type: 'version' }
  | ({ readonly type: 'release' } & ReleaseCommand & CommonOptions)
  | ({ readonly type: 'show'; readonly run?: string } & CommonOptions)
  | ({ readonly type: 'decide'; readonly run: string; readonly decision: DecisionCommand } & CommonOptions)
  | ({ readonly type: 'resolve'; readonly run: string; readonly choice: ResolveChoice } & CommonOptions);

export interface ReleaseCommand {
  readonly repo: string;
  readonly from?: string;
  readonly to?: string;
  readonly model?: ModelChoice;
  readonly yes: boolean;
  readonly runId?: string;
  /** None of `--repo`, `--from`, `--to` and `--model` was given: a known run id says what they were. */
  readonly bare: boolean;
  /** A run is named by where it is kept and by nothing of its job: it must be there. */
  readonly mustExist: boolean;
  /** `--out` was given. */
  readonly ownOut: boolean;
}

export interface CommonOptions {
  readonly out: string;
  readonly db: string;
  readonly json: boolean;
  /** Whether to take the run further. */
  readonly drive: boolean;
}

export type DecisionCommand =
  | { readonly type: 'approve' }
  | { readonly type: 'edit'; readonly file: string }
  | { readonly type: 'reject'; readonly reason?: string };

const CHOICES = ['happened', 'retry', 'fail'] as const;
export type ResolveChoice = (typeof CHOICES)[number];

export const HELP = `release-captain: a durable team of agents writes release notes for a git repository.

Usage
  release-captain [options]                     write notes
  release-captain show [RUN] [options]          show where a run stands, and its draft; without RUN, the latest runs
  release-captain approve RUN [--edit FILE]     publish the draft, or the text of FILE in its place
  release-captain reject RUN [--reason TEXT]    end the run without publishing
  release-captain resolve RUN happened|retry|fail
                                                decide about a step of which nobody knows whether it happened

Options
  --repo DIR      the repository; it is only read                    (default: this folder)
  --from REF      last commit that is not part of the notes          (default: the last tag before --to)
  --to REF        last commit that is                                (default: HEAD)
  --out DIR       where RELEASE_NOTES.md goes                        (default: ./release-notes)
  --db FILE       where runs are kept; workspaces live beside it     (default: OUT/.release-captain/runs.db)
  --model MODEL   who words the notes                                (default: offline)
                  offline                 rules over commit messages; no key, no network
                  gateway:ID              a model of the AI Gateway, such as vendor/model; its key is AI_GATEWAY_API_KEY
                  openai-compatible:NAME  a model of the server at --base-url; its key, if any, is OPENAI_COMPATIBLE_API_KEY
  --base-url URL  a server that speaks OpenAI's chat completions, such as http://127.0.0.1:11434/v1
  --run-id ID     name the run; alone, take a known one further      (default: a new one)
  --yes           approve the draft without asking
  --json          events as NDJSON on stdout, and nothing else
  --no-drive      only record: start or decide, and leave the work to another process
  --help, --version

Exit codes
  0 done, rejected as asked, or waiting for a decision   1 defect          2 usage, or a key is missing
  3 repository   4 range of commits   5 --out   6 --db   7 sandbox         8 the run failed
  9 blocked: needs resolve   10 no such run or request   11 the run id is another job's
  12 decided otherwise before   130 interrupted
`;

/**
 * @param defaultRepo The repository of a new run that names none, against `cwd`.
 * @throws {PrusikError} `USAGE` with one line.
 */
export function parseCommand(args: readonly string[], cwd: string, defaultRepo = '.'): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { type: 'help' };
  if (values.version === true) return { type: 'version' };
  const out = resolve(cwd, values.out ?? 'release-notes');
  const common: CommonOptions = {
    out,
    db: values.db === undefined ? join(out, '.release-captain', 'runs.db') : resolve(cwd, values.db),
    json: values.json ?? false,
    drive: values['no-drive'] !== true,
  };
  const [name, run, choice, ...rest] = positionals;
  const only = (...allowed: readonly (keyof typeof values)[]): void => {
    const odd = Object.keys(values).find((flag) => !['out', 'db', 'json', 'no-drive', ...allowed].includes(flag));
    if (odd !== undefined) throw usage(`--${odd} does not go with ${name ?? 'writing notes'}`);
  };
  if (name === undefined) {
    only('repo', 'from', 'to', 'yes', 'run-id', 'model', 'base-url');
    const { repo, from, to, yes = false } = values;
    const model = modelOf(values.model, values['base-url']);
    const runId = values['run-id'];
    const bare = [repo, from, to, model].every((value) => value === undefined);
    return {
      type: 'release',
      ...common,
      repo: resolve(cwd, repo ?? defaultRepo),
      yes,
      bare,
      mustExist: bare && runId !== undefined && (values.out ?? values.db) !== undefined,
      ownOut: values.out !== undefined,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(model === undefined ? {} : { model }),
      ...(runId === undefined ? {} : { runId: id(runId) }),
    };
  }
  if (name === 'show' && run === undefined) {
    only();
    return { type: 'show', ...common };
  }
  if (run === undefined) throw usage(`${name} needs the id of a run`);
  const target = { ...common, run: id(run) };
  if (name === 'resolve') {
    only();
    const chosen = CHOICES.find((known) => known === choice);
    if (chosen === undefined || rest.length > 0) throw usage(`resolve RUN needs one of ${CHOICES.join(', ')}`);
    return { type: 'resolve', ...target, choice: chosen };
  }
  if (choice !== undefined) throw usage(`${choice} is one argument too many`);
  switch (name) {
    case 'show':
      only();
      return { type: 'show', ...target };
    case 'approve':
      only('edit');
      return {
        type: 'decide',
        ...target,
        decision: values.edit === undefined ? { type: 'approve' } : { type: 'edit', file: resolve(cwd, values.edit) },
      };
    case 'reject': {
      only('reason');
      const { reason } = values;
      return { type: 'decide', ...target, decision: { type: 'reject', ...(reason === undefined ? {} : { reason }) } };
    }
    default:
      throw usage(`There is no command ${JSON.stringify(name)}`);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        repo: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        model: { type: 'string' },
        'base-url': { type: 'string' },
        out: { type: 'string' },
        db: { type: 'string' },
        'run-id': { type: 'string' },
        edit: { type: 'string' },
        reason: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
        'no-drive': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'V' },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
  }
}

function modelOf(model: string | undefined, baseUrl: string | undefined): ModelChoice | undefined {
  try {
    return parseModel(model, baseUrl);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function id(text: string): string {
  try {
    return checkId('run', text);
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(message: string): PrusikError {
  return new PrusikError('USAGE', `${message}; see --help`);
}
