import { workspaceOf, type Run, type RunInfo } from '@prusik/core';

export function runInfo(run: Run, attempt: number): RunInfo {
  return {
    key: run.key,
    root: run.root,
    depth: run.depth,
    definition: run.definition,
    context: run.context,
    attended: run.attended,
    rights: run.rights ?? {},
    ...(run.turn === undefined ? {} : { turn: run.turn }),
    attempt,
    ...(run.parent ? { parent: run.parent } : {}),
    ...(run.session === undefined ? {} : { session: run.session }),
    ...workspaceFor(run),
  };
}

/** The session's where there is one, so that a conversation goes on with its files. */
export function workspaceFor({ key: { tenant, run }, parent, session, workspace }: Run): Pick<RunInfo, 'workspace'> {
  if (parent !== undefined) return workspace === undefined ? {} : { workspace };
  return { workspace: workspaceOf(session === undefined ? { tenant, run } : { tenant, session }) };
}
