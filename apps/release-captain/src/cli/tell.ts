import type { Clock, Request, Run, RunEvent, SerializedError } from '@prusik/core';
import { count } from '../notes/semver.ts';
import type { ReleaseInput, ReleaseOutput } from '../release/workflow.ts';
import { describeFailure, EXIT, exitCodeFor, type ExitCode } from './exit-codes.ts';
import { createLiveView, createPlainView } from './progress-view.ts';
import type { RunReport } from './run-report.ts';
import { paint, printable, type Output } from './terminal.ts';

/** How a command tells what happens: lines for a person, or NDJSON for a program. */
export interface Teller {
  warn(line: string): void;
  /** @param old It was on record before this process began. */
  event(event: RunEvent, old: boolean): void;
  /** No more events; the last state stands. */
  settled(): void;
  completed(run: string, output: ReleaseOutput): ExitCode;
  failed(run: string, status: 'failed' | 'cancelled', error: SerializedError): ExitCode;
  waiting(run: string, how: readonly string[]): ExitCode;
  blocked(run: string, code: string, how: readonly string[]): ExitCode;
  /** A run as it stands. */
  run(report: RunReport): void;
  /** One of several runs. */
  listed(run: Run): void;
  line(text: string): void;
  error(error: unknown): ExitCode;
}

/** For a person: progress and results on stdout, warnings and errors on stderr, one line each. */
export function createPersonTeller(stdout: Output, stderr: Output, clock: Clock): Teller {
  const view = stdout.isTTY ? createLiveView(stdout, clock) : createPlainView(stdout, clock);
  let shown = false;
  const line = (text: string): void => stdout.write(`${printable(text)}\n`);
  return {
    line,
    warn: (text) =>
      stderr.write(`${paint(stderr, 'yellow', 'warning:')} ${printable(text).replace(/\s*\n\s*/g, ' ')}\n`),
    event(event, old) {
      shown = true;
      view.take(event, old);
    },
    settled() {
      if (shown) view.finish();
      shown = false;
    },
    completed(run, output) {
      const size = `${count(output.commits, 'commit')} in ${count(output.areas, 'area')}`;
      if (output.published) line(`Published ${output.file}${output.edited ? ' as edited' : ''}: ${size} (run ${run})`);
      else
        line(`Rejected${output.reason === undefined ? '' : ` (${output.reason})`}: nothing was written (run ${run})`);
      return EXIT.ok;
    },
    failed(run, status, { code, message }) {
      const own = exitCodeFor(code);
      stderr.write(`${paint(stderr, 'red', 'error:')} ${oneLine(message)} (${code}; run ${run} ${status})\n`);
      return own === EXIT.failed ? EXIT.runFailed : own;
    },
    waiting(run, how) {
      line(`Run ${run} waits for a decision about its notes:`);
      for (const command of how) line(`  ${command}`);
      return EXIT.ok;
    },
    blocked(run, code, how) {
      stderr.write(`${paint(stderr, 'red', 'blocked:')} run ${run} cannot go on by itself (${code}); decide with:\n`);
      for (const command of how) stderr.write(`  ${command}\n`);
      return EXIT.blocked;
    },
    run({ run, file, decision, next, draft }) {
      line(`Run ${run.key.run}: ${run.status}${run.blocked ? ` (${run.blocked.code})` : ''}`);
      if (run.error !== undefined) line(`  error: ${oneLine(run.error.message)} (${run.error.code})`);
      if (decision !== undefined) line(`  ${oneLine(describeDecision(decision))}`);
      if (file !== undefined) line(`  notes: ${file}`);
      if (next !== undefined) line(`  next:  ${next}`);
      if (draft !== undefined) stdout.write(`\n${printable(draft)}`);
    },
    listed: ({ key, status, createdAt, input }) =>
      line(`${key.run}  ${status}  ${new Date(createdAt).toISOString()}  ${(input as ReleaseInput).repo}`),
    error(error) {
      const { line: text, exit } = describeFailure(error);
      stderr.write(`${paint(stderr, 'red', 'error:')} ${text}\n`);
      return exit;
    },
  };
}

/** For a program: one JSON object a line. Errors are told on stderr as well. */
export function createJsonTeller(stdout: Output, stderr: Output): Teller {
  const put = (type: string, value: object): void => stdout.write(`${JSON.stringify({ type, ...value })}\n`);
  return {
    line: (text) => put('message', { text }),
    warn: (text) => put('warning', { text }),
    event: (event) =>
      event.live
        ? put('live', { run: event.run.run, event: event.event })
        : put('entry', { run: event.run.run, entry: event.entry }),
    settled: () => undefined,
    completed(run, output) {
      put('result', { run, status: 'completed', output });
      return EXIT.ok;
    },
    failed(run, status, error) {
      put('result', { run, status, error });
      const own = exitCodeFor(error.code);
      return own === EXIT.failed ? EXIT.runFailed : own;
    },
    waiting(run, how) {
      put('result', { run, status: 'waiting', how });
      return EXIT.ok;
    },
    blocked(run, code, how) {
      put('result', { run, status: 'blocked', code, how });
      return EXIT.blocked;
    },
    run: ({ run, ...more }) => put('run', { ...run, ...more }),
    listed: (run) => put('run', run),
    error(error) {
      const { line, code, exit } = describeFailure(error);
      put('error', { code, message: line });
      stderr.write(`error: ${line}\n`);
      return exit;
    },
  };
}

function describeDecision({ status, decision }: Request): string {
  const by = decision?.by === undefined ? '' : ` by ${decision.by}`;
  return `${status}${by}${decision?.reason === undefined ? '' : `: ${decision.reason}`}`;
}

const oneLine = (text: string): string => printable(text).replace(/\s*\n\s*/g, ' ');
