import {
  childRunId,
  rightsOfChild,
  workspaceOf,
  type CallOptions,
  type DurableDefinition,
  type Json,
  type NewRun,
  type Run,
  type TraceContext,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { budgetOf } from './budget-of.ts';
import { delegationRights } from './delegation-rights.ts';
import type { EngineLimits } from './engine-types.ts';
import { workspaceFor } from './run-info.ts';
import { blobsFor, openingMessages } from './run-opening.ts';
import { checkedTurn, inputHashOf } from './turn.ts';

/** The run that a call starts: what its caller does not say it has of its definition and of its parent. */
export function childRun(
  parent: Run,
  key: string,
  definition: DurableDefinition<never, unknown, unknown>,
  input: Json,
  options: CallOptions,
  { maxValueBytes, maxResultBytes }: EngineLimits,
  trace: TraceContext | undefined,
): NewRun {
  const budget = budgetOf(options.budget, definition);
  const rights = {
    ...rightsOfChild(parent.rights, options.rights),
    ...delegationRights(definition),
  };
  const turn = checkedTurn(definition, options.turn, maxValueBytes);
  const messages = openingMessages(definition, input);
  return {
    key: { tenant: parent.key.tenant, run: childRunId(parent.key.tenant, parent.key.run, key) },
    kind: definition.kind,
    definition: definition.name,
    version: definition.version,
    input,
    inputHash: inputHashOf(input, turn),
    ...(turn === undefined ? {} : { turn }),
    context:
      options.context === undefined ? parent.context : bounded('context of a child', options.context, maxValueBytes),
    priority: options.priority ?? parent.priority,
    attended: parent.attended,
    ...(Object.keys(rights).length === 0 ? {} : { rights }),
    ...workspaceOfChild(parent, key, options.workspace),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    messages,
    ...blobsFor(messages),
    root: parent.root,
    parent: { run: parent.key.run, key, maxResultBytes: options.maxResultBytes ?? maxResultBytes },
    depth: parent.depth + 1,
    ...(budget === undefined ? {} : { budget }),
    ...(trace === undefined ? {} : { trace }),
  };
}

function workspaceOfChild(parent: Run, key: string, given: CallOptions['workspace']): Pick<NewRun, 'workspace'> {
  const { tenant, run } = parent.key;
  if (given === 'fork') return { workspace: workspaceOf({ tenant, run: childRunId(tenant, run, key) }) };
  return given === 'share' ? workspaceFor(parent) : {};
}
