import { hashJson, PrusikError, type Json, type JsonObject } from '@prusik/core';
import type { RecordedRequest } from './model-request.ts';
import { chained, chainsOf, EMPTY_CHAIN } from './prompt-chain.ts';
import { recordingInvalid } from './recording-errors.ts';
import type { CallOf, FiledCall, FiledReply, RecordingFile } from './recording-file.ts';
import { requestDiff } from './request-diff.ts';

/** Calls of a recording that are played, each once. */
export interface RecordedCalls {
  /**
   * What was answered to this request; equal ones in their order.
   *
   * @throws {PrusikError} `REPLAY_CHANGED` for what was not asked, or not so often. Every call after it has the same error, so that nobody who asks
   * something else instead hides it.
   */
  take(of: CallOf, name: string, request: RecordedRequest): FiledReply;
  shared(label: string): Json;
  /** @throws {PrusikError} `REPLAY_CHANGED` or `RECORDING_UNUSED`, unless all was asked and nothing else. */
  assertPlayed(): void;
}

interface PlayedCall {
  readonly number: number;
  readonly call: FiledCall;
  readonly head: JsonObject;
  readonly prompt: PromptNode | undefined;
  played: boolean;
}

/** Not as a list: conversations of a file go on from each other, and lists of all of them would be much larger than it. */
interface PromptNode {
  readonly before: PromptNode | undefined;
  readonly messages: readonly Json[];
  readonly length: number;
  readonly chain: string;
}

/** Recorded requests that are compared when one is looked for that is near. */
const CANDIDATES = 200;
const UNUSED_TOLD = 20;
const WHO: Readonly<Record<CallOf, string>> = {
  model: 'The model',
  tool: 'The tool',
  list: 'The list of the tool source',
  call: 'The tool source',
};

/** @throws {PrusikError} `RECORDING_INVALID` */
export function createRecordedCalls(file: string, { calls, shared, prompts }: RecordingFile): RecordedCalls {
  const nodes = promptNodes(prompts);
  const waiting = new Map<string, PlayedCall[]>();
  const sharedAt = (label: string): Json => {
    const value = Object.hasOwn(shared, label) ? shared[label] : undefined;
    if (value === undefined) throw recordingInvalid('what calls have in common is not in it');
    return value;
  };
  const all = calls.map((call, index): PlayedCall => {
    const { of, settings = '', prompt = '', input = {} } = call;
    const node = of === 'model' ? nodes.get(prompt) : undefined;
    if (of === 'model' && node === undefined) throw recordingInvalid('a prompt is not in it');
    const head = (of === 'model' ? sharedAt(settings) : input) as JsonObject;
    const played = { number: index + 1, call, head, prompt: node, played: false };
    const key = keyOf(of, call.name, head, node?.chain ?? EMPTY_CHAIN);
    const equal = waiting.get(key);
    if (equal === undefined) waiting.set(key, [played]);
    else equal.push(played);
    return played;
  });
  let changed: PrusikError | undefined;

  function refusal(of: CallOf, name: string, request: RecordedRequest): PrusikError {
    const named = all.filter(({ call }) => call.of === of && call.name === name);
    const left = named.filter(({ played }) => !played);
    const near = nearest(left.length > 0 ? left : named, request);
    const who = `${WHO[of]} ${name}`;
    const fix = 'If that is meant, record it anew with PRUSIK_RECORD=1.';
    const meta = {
      of,
      name,
      recorded: named.length,
      left: left.length,
      ...(near === undefined ? {} : { nearest: near.number }),
    };
    const refused = (message: string): PrusikError => new PrusikError('REPLAY_CHANGED', `${message} ${fix}`, { meta });
    if (near === undefined) return refused(`${who} is not in ${file}.`);
    const diff = requestDiff(wholeOf({ head: near.head, messages: messagesOf(near.prompt) }), wholeOf(request));
    if (diff === '')
      return refused(`${who} was asked the same as in call ${near.number} of ${file} once more than was recorded.`);
    return refused(
      `${who} was asked what is not in ${file}. Next to it is call ${near.number}${near.played ? ', which was played' : ''}:\n${diff}\n`,
    );
  }

  return {
    take(of, name, request) {
      if (changed !== undefined) throw changed;
      const key = keyOf(of, name, request.head, chainsOf(request.messages).at(-1) ?? EMPTY_CHAIN);
      const found = waiting.get(key)?.shift();
      if (found === undefined) {
        changed = refusal(of, name, request);
        throw changed;
      }
      found.played = true;
      return found.call.reply;
    },
    shared: sharedAt,
    assertPlayed() {
      if (changed !== undefined) throw changed;
      const unused = all.filter(({ played }) => !played);
      if (unused.length === 0) return;
      const told = unused.slice(0, UNUSED_TOLD).map(({ number, call: { of, name } }) => `${number} (${of} ${name})`);
      const more = unused.length > told.length ? ` and ${unused.length - told.length} more` : '';
      throw new PrusikError(
        'RECORDING_UNUSED',
        `Of ${file} nobody asked for call ${told.join(', ')}${more}. If that is meant, record it anew with PRUSIK_RECORD=1.`,
        { meta: { unused: unused.length, recorded: all.length } },
      );
    },
  };
}

const keyOf = (of: CallOf, name: string, head: JsonObject, chain: string): string => hashJson([of, name, head, chain]);

const wholeOf = ({ head, messages }: RecordedRequest): JsonObject =>
  messages.length === 0 ? head : { ...head, prompt: messages };

function promptNodes(prompts: RecordingFile['prompts']): ReadonlyMap<string, PromptNode> {
  const nodes = new Map<string, PromptNode>();
  for (const [label, { after, messages }] of Object.entries(prompts)) {
    const before = after === undefined ? undefined : nodes.get(after);
    if (after !== undefined && before === undefined)
      throw recordingInvalid('a prompt goes on from one that is not before it');
    nodes.set(label, {
      before,
      messages,
      length: (before?.length ?? 0) + messages.length,
      chain: messages.reduce<string>(chained, before?.chain ?? EMPTY_CHAIN),
    });
  }
  return nodes;
}

function messagesOf(prompt: PromptNode | undefined): readonly Json[] {
  const parts: (readonly Json[])[] = [];
  for (let at = prompt; at !== undefined; at = at.before) parts.push(at.messages);
  return parts.toReversed().flat();
}

/** The one with which most messages are the same at their place; then of the nearest length, then the first. */
function nearest(calls: readonly PlayedCall[], { head, messages }: RecordedRequest): PlayedCall | undefined {
  const hashes = messages.map(hashJson);
  const parts = partHashes(head);
  const off = ({ prompt }: PlayedCall): number => Math.abs((prompt?.length ?? 0) - messages.length);
  const candidates = calls.toSorted((a, b) => off(a) - off(b)).slice(0, CANDIDATES);
  const scored = candidates.map((one) => {
    const same = messagesOf(one.prompt).filter((message, at) => hashes[at] === hashJson(message)).length;
    const heads = [...partHashes(one.head)].filter((part) => parts.has(part)).length;
    return { one, score: same * 1_000 + heads, off: off(one) };
  });
  return scored.toSorted((a, b) => b.score - a.score || a.off - b.off || a.one.number - b.one.number)[0]?.one;
}

const partHashes = (head: JsonObject): ReadonlySet<string> => new Set(Object.entries(head).map(hashJson));
