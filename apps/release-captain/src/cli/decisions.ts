import { readFile, stat } from 'node:fs/promises';
import { DEFAULT_TENANT, isFinal, PrusikError, type Json, type Request, type Run, type RunKey } from '@prusik/core';
import type { App } from '../app.ts';
import type { ReleaseInput } from '../release/workflow.ts';
import { standingNotes } from '../tools/publish-notes.ts';
import type { PublishInput } from '../tools/publish-tool.ts';
import type { Command, DecisionCommand } from './arguments.ts';
import type { Verdict } from './decide-prompt.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { decide, drive, openApproval, recordedResult, runUnknown, tellResult, type Session } from './release.ts';

export async function decideRun(session: Session, command: Extract<Command, { type: 'decide' }>): Promise<ExitCode> {
  const { app, teller, by } = session;
  const run = await findRun(app, command.run);
  const verdict = await verdictOf(command.decision);
  const request = await openApproval(app, run.key);
  // Another process may decide between the look and our decision: what is recorded counts.
  const recorded =
    request === undefined ? await decidedApproval(app, run.key) : await decide(app, request, verdict, by);
  if (recorded === undefined)
    throw new PrusikError('REQUEST_UNKNOWN', `Run ${command.run} waits for no decision (${run.status})`);
  const already = request === undefined ? 'already ' : '';
  const told = `The notes of run ${command.run} are ${already}${recorded.status}${byWhom(recorded)}`;
  if (!says(recorded, verdict)) throw new PrusikError('DECISION_MISMATCH', told);
  teller.line(`${told}.`);
  return goOn(session, run, command.drive);
}

/** What was decided about the tree's notes, if anything was. */
export async function decidedApproval(app: App, { run }: RunKey): Promise<Request | undefined> {
  const { items } = await app.harness.requests({ root: run, kind: ['approval'], status: DECIDED });
  return items[0];
}

const byWhom = ({ decision }: Request): string => (decision?.by === undefined ? '' : ` by ${decision.by}`);

const STATUS = { approve: 'approved', edit: 'edited', reject: 'rejected' } as const;

/** Whether the recorded decision is this one, so that a command given twice succeeds twice. */
function says({ status, decision }: Request, verdict: Exclude<Verdict, { type: 'leave' }>): boolean {
  if (status !== STATUS[verdict.type]) return false;
  return verdict.type !== 'edit' || (decision?.value as PublishInput | undefined)?.markdown === verdict.markdown;
}

export async function resolveRun(session: Session, command: Extract<Command, { type: 'resolve' }>): Promise<ExitCode> {
  const { app } = session;
  const run = await findRun(app, command.run);
  const { items } = await app.harness.requests({ root: command.run, kind: ['intervention'] });
  const [request] = items;
  if (request === undefined)
    throw new PrusikError('REQUEST_UNKNOWN', `Run ${command.run} is not blocked (${run.status})`);
  // The only step that can be in doubt is the publication; that it happened means that its file stands.
  const output: Json | undefined =
    command.choice === 'happened' ? await standingNotes((run.input as ReleaseInput).out) : undefined;
  const choice = { choice: command.choice, ...(output === undefined ? {} : { output }) };
  await app.harness.intervene(request.run, request.id, choice, { by: session.by });
  return goOn(session, run, command.drive);
}

const DECIDED = ['approved', 'edited', 'rejected', 'expired', 'withdrawn'] as const;

async function goOn(session: Session, run: Run, drives: boolean): Promise<ExitCode> {
  const ended = isFinal(run.status) ? recordedResult(run) : undefined;
  if (ended !== undefined) return tellResult(session, ended);
  return drives ? drive(session, run, { after: run.seq, yes: false }) : EXIT.ok;
}

/** @throws {PrusikError} `RUN_UNKNOWN`. */
export async function findRun(app: App, id: string): Promise<Run> {
  const run = await app.store.run({ tenant: DEFAULT_TENANT, run: id });
  if (run === undefined) throw runUnknown(id);
  return run;
}

const EDIT_LIMIT_BYTES = 2_000_000;

async function verdictOf(decision: DecisionCommand) {
  if (decision.type !== 'edit') return decision;
  try {
    const { size } = await stat(decision.file);
    if (size === 0 || size > EDIT_LIMIT_BYTES) throw new Error(`it has ${size} bytes`);
    return { type: 'edit', markdown: await readFile(decision.file, 'utf8') } as const;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PrusikError('USAGE', `${decision.file} cannot be the notes: ${why}`, { cause: error });
  }
}
