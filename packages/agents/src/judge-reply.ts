import type { MessagePart, ToolCallPart, ToolOutput, ToolResultPart } from '@prusik/core';
import type { PlannedCall, Verdict } from './loop-types.ts';
import type { ModelReply } from './model-call.ts';
import { modelErrorClass, type ModelErrorClass } from './model-class.ts';
import { wasRefused } from './model-error.ts';
import { textOf } from './output.ts';
import { isPlainId } from './plain-id.ts';
import type { AnyTool } from './tool-types.ts';

/** Pure: what becomes of a model's reply and of each of its calls. Every way in which a reply can end is decided here. */

/** A failed call of a model throws, so that it is made again or fails the step, unless there is text to keep and it is not made again. */
export function throwsAway(
  { parts, error }: ModelReply,
  mayRetry: boolean,
  resets: readonly ModelErrorClass[],
): boolean {
  if (error === undefined || textOf(parts) === '') return error !== undefined;
  const kind = modelErrorClass(error);
  const again = error.retryable && (mayRetry || wasRefused(error));
  // Text that a reader has seen is voided by the next attempt, which the agent may not want.
  return again && kind !== undefined && resets.includes(kind);
}

/** A call of a reply, or why it is refused before anybody is asked about it. */
export interface AdmittedCall {
  readonly part: ToolCallPart;
  readonly refusal?: ToolOutput;
}

export interface Admission {
  readonly tools: ReadonlyMap<string, Pick<AnyTool, 'provider'>>;
  /** Names of the tools that the model was offered. */
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

/** The parts of a reply as they are stored, and its calls. Room is counted in call order: the first calls are the ones that run. */
export function admitCalls(
  reply: ModelReply,
  admission: Admission,
): { readonly parts: readonly MessagePart[]; readonly calls: readonly AdmittedCall[] } {
  // After a failure or a refusal of the provider only what was said is worth keeping: a half call is none.
  const withoutCalls = reply.finish === 'failed' || reply.finish === 'content-filter';
  const parts = withoutCalls ? reply.parts.filter(({ type }) => type === 'text') : rekeyed(reply.parts, admission);
  let { room } = admission;
  const calls = parts.flatMap((part, index): AdmittedCall[] => {
    if (part.type !== 'tool-call' || part.providerExecuted === true) return [];
    const refusal = refuse(part, reply.finish, reply.malformed.has(index), admission);
    if (refusal !== undefined) return [{ part, refusal }];
    if (room <= 0) return [{ part, refusal: NO_ROOM }];
    room -= 1;
    return [{ part }];
  });
  return { parts, calls };
}

/** What the reply came to; `check-output` where that is for the schema of the output to say. */
export function judge(
  finish: ModelReply['finish'],
  parts: readonly MessagePart[],
  planned: readonly PlannedCall[],
  refused: readonly ToolResultPart[],
  hasSchema: boolean,
): Verdict | 'check-output' {
  if (finish === 'failed') return 'failed';
  if (finish === 'content-filter') return 'filtered';
  if (planned.length > 0) return 'call-tools';
  if (refused.length > 0) return 'refused';
  // Before emptiness: where the whole limit went into thinking, the same call again would end the same.
  if (finish === 'length') return 'truncated';
  if (textOf(parts).trim() === '') {
    if (parts.some(({ type }) => type === 'file')) return 'answer';
    return parts.some(({ type }) => type === 'tool-call') ? 'provider-calls' : 'empty';
  }
  // An odd end too: servers that name none, or one of their own, say so of whole replies. The record tells it.
  return hasSchema ? 'check-output' : 'answer';
}

function refuse(
  { tool }: ToolCallPart,
  finish: ModelReply['finish'],
  malformed: boolean,
  { lastStep, tools, offered }: Admission,
): ToolOutput | undefined {
  if (lastStep) return LAST_STEP;
  // Only an ordinary end says that a call is whole.
  if (finish === 'length') return CUT_OFF;
  if (finish !== 'stop' && finish !== 'tool-calls') return ODD_END;
  if (!tools.has(tool)) return error('TOOL_UNKNOWN', `There is no tool named ${tool}. ${listed(offered)}`);
  if (!offered.has(tool))
    return error('TOOL_NOT_OFFERED', `Not executed: the tool ${tool} is not offered in this step. ${listed(offered)}`);
  if (tools.get(tool)?.provider !== undefined)
    return error('TOOL_OF_PROVIDER', `Not executed: the provider runs ${tool} itself, and did not.`);
  return malformed ? invalidInput('it is not JSON') : undefined;
}

const error = (code: string, text: string): ToolOutput => ({ type: 'error', code, text });

const LAST_STEP = error('AGENT_STEP_LIMIT', 'Not executed: this was the last model call that the agent may make.');
const NO_ROOM = error('AGENT_TOOL_CALL_LIMIT', 'Not executed: the agent may make no more tool calls.');
const CUT_OFF = error(
  'TOOL_CALL_TRUNCATED',
  'Not executed: the reply was cut off at its output limit, so the call may be incomplete. Make fewer or smaller calls.',
);
const ODD_END = error('TOOL_CALL_INCOMPLETE', 'Not executed: the reply did not end as one with tool calls does.');

/** Sources may have hundreds. */
const MOST_NAMES = 64;

function listed(offered: ReadonlySet<string>): string {
  if (offered.size === 0) return 'There are no tools.';
  const more = offered.size - MOST_NAMES;
  return `There are: ${[...offered].slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
}

export const invalidInput = (issues: string): ToolOutput =>
  error('TOOL_INPUT_INVALID', `The input is not what the tool takes: ${issues}`);

/** A call id that was used before, or that no key can hold, is replaced on arrival; the model never knows its own ids. */
function rekeyed(parts: readonly MessagePart[], { usedIds, newId }: Admission): readonly MessagePart[] {
  const taken = new Set<string>();
  return parts.map((part, index) => {
    if (part.type !== 'tool-call' || part.providerExecuted === true) return part;
    const { callId } = part;
    const kept = isPlainId(callId) && !taken.has(callId) && !usedIds.has(callId) ? callId : newId(index);
    taken.add(kept);
    return kept === callId ? part : { ...part, callId: kept };
  });
}
