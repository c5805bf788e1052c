import type { RunImport } from '../imported.ts';
import type { NewRun } from '../new-run.ts';

/** A recorded run as it was when it was started. Its messages are written beside it. */
export function newRunOf(run: RunImport['run']): NewRun {
  const { key, kind, definition, version, input, inputHash, context, priority, root, depth } = run;
  return {
    key,
    kind,
    definition,
    version,
    input,
    inputHash,
    context,
    priority,
    root,
    depth,
    messages: [],
    attended: run.attended,
    ...(run.turn === undefined ? {} : { turn: run.turn }),
    ...(run.rights === undefined ? {} : { rights: run.rights }),
    ...(run.workspace === undefined ? {} : { workspace: run.workspace }),
    ...(run.parent === undefined ? {} : { parent: run.parent }),
    ...(run.session === undefined ? {} : { session: { id: run.session, whenBusy: 'refuse' } }),
  };
}
