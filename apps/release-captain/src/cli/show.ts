import { join } from 'node:path';
import { DEFAULT_TENANT, isFinal, type Run } from '@prusik/core';
import type { ReleaseInput, ReleaseOutput } from '../release/workflow.ts';
import { NOTES_FILE } from '../tools/publish-notes.ts';
import type { Command } from './arguments.ts';
import { decidedApproval, findRun } from './decisions.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { openApproval, type Session } from './release.ts';
import type { RunReport } from './run-report.ts';

const LISTED = 20;

/** One run, or the latest of the database. */
export async function show(session: Session, command: Extract<Command, { type: 'show' }>): Promise<ExitCode> {
  const { app, teller } = session;
  if (command.run !== undefined) {
    teller.run(await reportOf(session, await findRun(app, command.run)));
    return EXIT.ok;
  }
  const { items } = await app.store.listRuns({ tenant: DEFAULT_TENANT, definition: ['release'], limit: LISTED });
  if (items.length === 0) teller.line('There is no run in this database.');
  for (const { key } of items) teller.listed(await findRun(app, key.run));
  return EXIT.ok;
}

async function reportOf({ app, howTo }: Session, run: Run): Promise<RunReport> {
  const open = await openApproval(app, run.key);
  const decision = open === undefined ? await decidedApproval(app, run.key) : undefined;
  const file = fileOf(run);
  const verb = nextOf(run, open !== undefined);
  return {
    run,
    ...(file === undefined ? {} : { file }),
    ...(decision === undefined ? {} : { decision }),
    ...(verb === undefined ? {} : { next: howTo(verb, run.key.run) }),
    ...(open === undefined ? {} : { draft: open.body.input.markdown }),
  };
}

function fileOf({ status, input, output }: Run): string | undefined {
  if (!isFinal(status)) return join((input as ReleaseInput).out, NOTES_FILE);
  const ended = output as ReleaseOutput | undefined;
  return ended?.published === true ? ended.file : undefined;
}

function nextOf({ status, blocked }: Run, asks: boolean): string | undefined {
  if (isFinal(status)) return undefined;
  if (blocked !== undefined) return 'resolve';
  return asks ? 'approve' : 'go on';
}
