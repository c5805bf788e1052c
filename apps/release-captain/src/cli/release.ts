import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DEFAULT_TENANT,
  isFinal,
  PrusikError,
  randomId,
  type Request,
  type Run,
  type RunEvent,
  type RunKey,
} from '@prusik/core';
import type { App } from '../app.ts';
import type { ReleaseInput, ReleaseOutput } from '../release/workflow.ts';
import { probeOutput } from '../tools/publish-notes.ts';
import type { PublishInput } from '../tools/publish-tool.ts';
import type { Command } from './arguments.ts';
import type { Verdict } from './decide-prompt.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { follow } from './follow.ts';
import { NOTHING_ON_RECORD, readOnRecord, type OnRecord } from './on-record.ts';
import type { Teller } from './tell.ts';
import { writeRecord } from './write-record.ts';

/** What the commands work with. */
export interface Session {
  readonly app: App;
  readonly teller: Teller;
  /** Fires on Ctrl-C: the run is given back and can be taken up again. */
  readonly signal: AbortSignal;
  /** Who decides. */
  readonly by: string;
  /** Asks the person at the terminal; missing where there is none. */
  readonly ask?: (input: PublishInput) => Promise<Verdict>;
  /** A command line that does this to the run. */
  readonly howTo: (verb: string, run: string) => string;
}

export async function release(session: Session, command: Extract<Command, { type: 'release' }>): Promise<ExitCode> {
  const { app, teller } = session;
  const id = command.runId ?? `release-${randomId().slice(0, 13)}`;
  const known = await app.store.run({ tenant: DEFAULT_TENANT, run: id });
  if (known === undefined && command.mustExist) throw runUnknown(id);
  const input = inputOf(command, known?.input as ReleaseInput | undefined);
  if (known === undefined) await probeOutput(input.out);
  const run = await app.harness.start('release', input, { id });
  const ended = recordedResult(run);
  if (ended !== undefined) return tellResult(session, ended);
  if (!command.drive) {
    teller.line(`Run ${id} is stored; go on with: ${session.howTo('go on', id)}`);
    return 0;
  }
  const onRecord = known === undefined ? NOTHING_ON_RECORD : await readOnRecord(app, run.key);
  teller.line(
    onRecord.steps === 0
      ? `Run ${id}`
      : `Run ${id} goes on: ${onRecord.steps} of its steps are on record and are not repeated`,
  );
  return drive(session, run, { after: 0, yes: command.yes, onRecord });
}

export function runUnknown(id: string): PrusikError {
  return new PrusikError('RUN_UNKNOWN', `There is no run ${id} in this database`);
}

/** Takes a run as far as it goes, asking the person where there is one. */
export async function drive(
  session: Session,
  run: Run,
  {
    after,
    yes,
    onRecord = NOTHING_ON_RECORD,
  }: { readonly after: number; readonly yes: boolean; readonly onRecord?: OnRecord },
): Promise<ExitCode> {
  const { app, teller, signal, by, ask } = session;
  const tell = (event: RunEvent): void =>
    teller.event(event, !event.live && event.entry.seq <= (onRecord.seqs.get(event.run.run) ?? 0));
  for (let from = after; ;) {
    const follower = follow(app, run.key, from, tell);
    let result: ReleaseResult;
    try {
      result = await app.harness.drive(run.key, { signal });
    } finally {
      await follower.finish();
      teller.settled();
    }
    const request = result.status === 'waiting' ? await openApproval(app, run.key) : undefined;
    const wakeAt = result.status === 'waiting' ? result.wakeAt : null;
    if (request === undefined && wakeAt === null) return tellResult(session, result);
    from = (await app.store.run(run.key))?.seq ?? from;
    if (request === undefined) {
      // Nobody is asked: a provider has no room for now. A Ctrl-C meanwhile ends the next drive.
      await delay(Math.max(0, (wakeAt ?? 0) - Date.now()), undefined, { signal }).catch(() => undefined);
      continue;
    }
    const input = request.body['input'] as PublishInput;
    const verdict: Verdict = yes ? { type: 'approve' } : ask === undefined ? { type: 'leave' } : await ask(input);
    if (verdict.type === 'leave') {
      const told = await tellResult(session, result);
      return signal.aborted ? EXIT.interrupted : told;
    }
    await decide(app, request, verdict, yes ? '--yes' : by);
  }
}

/** Where a release stands that cannot be taken further here and now. */
export type ReleaseResult = Awaited<ReturnType<App['harness']['drive']>>;

/** The approval that the tree waits for, if it does. */
export async function openApproval(app: App, { run }: RunKey): Promise<ApprovalRequest | undefined> {
  const { items } = await app.harness.requests({ root: run, kind: ['approval'] });
  return items[0] as ApprovalRequest | undefined;
}

export type ApprovalRequest = Request & { readonly body: { readonly input: PublishInput } & Record<string, unknown> };

/** Whether this decision counts; another one may have come first. */
export async function decide(
  { harness }: App,
  request: ApprovalRequest,
  verdict: Exclude<Verdict, { type: 'leave' }>,
  by: string,
): Promise<Request> {
  const { run, id } = request;
  const decided =
    verdict.type === 'approve'
      ? await harness.approve(run, id, { by })
      : verdict.type === 'edit'
        ? await harness.edit(run, id, { ...request.body.input, markdown: verdict.markdown }, { by })
        : await harness.reject(run, id, { by, ...(verdict.reason === undefined ? {} : { reason: verdict.reason }) });
  if (decided.outcome === 'unknown') throw new PrusikError('REQUEST_UNKNOWN', `Run ${run.run} has no request ${id}`);
  return decided.request;
}

/** How a run ended that has. */
export function recordedResult(run: Run): ReleaseResult | undefined {
  if (!isFinal(run.status)) return undefined;
  if (run.status === 'completed') return { run: run.key, status: run.status, output: run.output ?? null };
  return {
    run: run.key,
    status: run.status,
    error: run.error ?? { code: 'UNKNOWN_ERROR', message: 'No error was recorded' },
  };
}

export async function tellResult({ app, teller, howTo }: Session, result: ReleaseResult): Promise<ExitCode> {
  const { run } = result.run;
  switch (result.status) {
    case 'completed': {
      const output = result.output as ReleaseOutput;
      // Once more where it was told before: a process may have ended between the notes and this.
      if (output.published)
        for (const problem of await writeRecord(app, result.run, dirname(output.file), output)) teller.warn(problem);
      return teller.completed(run, output);
    }
    case 'failed':
    case 'cancelled':
      return teller.failed(run, result.status, result.error);
    case 'waiting':
      return teller.waiting(run, [howTo('show', run), howTo('approve', run), howTo('reject', run)]);
    case 'blocked':
      return teller.blocked(run, result.code, [howTo('resolve', run)]);
    default:
      return result satisfies never;
  }
}

/** A known run says itself what it is about; what is said again must be the same, and is compared when it is started. */
function inputOf(command: Extract<Command, { type: 'release' }>, known: ReleaseInput | undefined): ReleaseInput {
  const { repo, from, to, out, bare, ownOut, model } = command;
  if (known !== undefined && bare) return ownOut ? { ...known, out } : known;
  return { repo, out, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), ...model };
}
