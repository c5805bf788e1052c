import {
  describeIssues,
  type DurableContext,
  type MessagePart,
  type ToolCallPart,
  type ToolOutput,
  type ToolResultPart,
} from '@prusik/core';
import { scopeOf, type AgentCore } from './agent-core.ts';
import { gateOf } from './approval.ts';
import { callFingerprint } from './define-tool.ts';
import type { PlannedCall } from './loop.ts';
import type { ModelReply } from './model-call.ts';
import { resultOf } from './stored-messages.ts';
import { validate } from './validate.ts';

/** A reply's parts as they are stored, its calls that are to run, and the results of those that are refused at once. */
export interface Plan {
  readonly parts: readonly MessagePart[];
  readonly planned: readonly PlannedCall[];
  readonly refused: readonly ToolResultPart[];
}

export interface PlanOptions {
  readonly ctx: DurableContext;
  readonly reply: ModelReply;
  /** The tools that the model was offered. */
  readonly offered: ReadonlySet<string>;
  /** Call ids that stand in the thread. */
  readonly usedIds: ReadonlySet<string>;
  /** Tool calls that may still be made. */
  readonly room: number;
  /** No model call will read the results. */
  readonly lastStep: boolean;
  /** The n-th id for a call whose own cannot be kept. */
  readonly newId: (n: number) => string;
}

/** Short and plain enough for every provider and for a step key. */
const PLAIN_ID = /^[\w.:-]{1,64}$/;

/** Decides each call of a reply before anything is executed. What it decides is recorded, so a later build cannot decide otherwise. */
export async function planCalls(agent: AgentCore, options: PlanOptions): Promise<Plan> {
  const { reply, offered, lastStep } = options;
  const parts = rekeyed(reply.parts, options);
  const calls = parts.flatMap((part, index) =>
    part.type === 'tool-call' && part.providerExecuted !== true
      ? [{ part, malformed: reply.malformed.has(index) }]
      : [],
  );
  let room = options.room;
  const decided = await Promise.all(
    calls.map(async ({ part, malformed }) => {
      const refusal = lastStep
        ? LAST_STEP
        : (refuseByFinish(reply.finish) ?? refuseByInput(agent, offered, part, malformed));
      if (refusal !== undefined) return { part, refusal };
      // Counted before the policies are asked, in call order: the first calls are the ones that run.
      if (room <= 0) return { part, refusal: NO_ROOM };
      room -= 1;
      return decide(agent, options, part);
    }),
  );
  return {
    parts,
    planned: decided.flatMap((one) => ('plan' in one ? [one.plan] : [])),
    refused: decided.flatMap((one) => ('plan' in one ? [] : [resultOf(one.part, one.refusal)])),
  };
}

type Decided = { readonly plan: PlannedCall } | { readonly part: ToolCallPart; readonly refusal: ToolOutput };

async function decide(agent: AgentCore, { ctx, offered }: PlanOptions, part: ToolCallPart): Promise<Decided> {
  const { callId, tool: name, input } = part;
  const tool = agent.tools.get(name);
  if (tool === undefined) return { part, refusal: unknownTool(name, offered) };
  const checked = await validate(tool.input, input);
  if (checked.issues !== undefined) return { part, refusal: invalidInput(describeIssues(checked.issues)) };
  const gate = await gateOf(tool, { ...scopeOf(ctx), tool: name, callId, input: checked.value }, agent.clock);
  if (gate.does === 'deny') return { part, refusal: { type: 'denied', reason: gate.reason } };
  return { plan: { callId, tool: name, ...(gate.does === 'ask' ? { ask: callFingerprint(tool, input) } : {}) } };
}

const error = (code: string, text: string): ToolOutput => ({ type: 'error', code, text });

const LAST_STEP = error('AGENT_STEP_LIMIT', 'Not executed: this was the last model call that the agent may make.');
const NO_ROOM = error('AGENT_TOOL_CALL_LIMIT', 'Not executed: the agent may make no more tool calls.');
const CUT_OFF = error(
  'TOOL_CALL_TRUNCATED',
  'Not executed: the reply was cut off at its output limit, so the call may be incomplete. Make fewer or smaller calls.',
);
const ODD_END = error('TOOL_CALL_INCOMPLETE', 'Not executed: the reply did not end as one with tool calls does.');

/** Only an ordinary end says that a call is whole. */
function refuseByFinish(finish: ModelReply['finish']): ToolOutput | undefined {
  if (finish === 'stop' || finish === 'tool-calls') return undefined;
  return finish === 'length' ? CUT_OFF : ODD_END;
}

function refuseByInput(
  { tools }: AgentCore,
  offered: ReadonlySet<string>,
  { tool }: ToolCallPart,
  malformed: boolean,
): ToolOutput | undefined {
  if (!tools.has(tool)) return unknownTool(tool, offered);
  if (!offered.has(tool)) return notOffered(tool, offered);
  return malformed ? invalidInput('it is not JSON') : undefined;
}

const unknownTool = (name: string, offered: ReadonlySet<string>): ToolOutput =>
  error('TOOL_UNKNOWN', `There is no tool named ${name}. ${listed(offered)}`);

const notOffered = (name: string, offered: ReadonlySet<string>): ToolOutput =>
  error('TOOL_NOT_OFFERED', `Not executed: the tool ${name} is not offered in this step. ${listed(offered)}`);

const listed = (offered: ReadonlySet<string>): string =>
  offered.size === 0 ? 'There are no tools.' : `There are: ${[...offered].join(', ')}.`;

const invalidInput = (issues: string): ToolOutput =>
  error('TOOL_INPUT_INVALID', `The input is not what the tool takes: ${issues}`);

/** A call id that was used before, or that no key can hold, is replaced on arrival; the model never knows its own ids. */
function rekeyed(parts: readonly MessagePart[], { usedIds, newId }: PlanOptions): readonly MessagePart[] {
  const taken = new Set(usedIds);
  return parts.map((part, index) => {
    if (part.type !== 'tool-call' || part.providerExecuted === true) return part;
    const callId = PLAIN_ID.test(part.callId) && !taken.has(part.callId) ? part.callId : newId(index);
    taken.add(callId);
    return callId === part.callId ? part : { ...part, callId };
  });
}
