import type { AdapterInfo } from './adapter-info.ts';
import type { Capability } from './capability.ts';
import type { RunInfo } from './durable-function.ts';
import type { Effect } from './entry.ts';
import type { Json, JsonObject } from './json.ts';
import type { FileData, TextPart, Usage } from './message.ts';
import type { RunWorkspaceScope } from './run-workspace.ts';
import type { TraceContext } from './trace-context.ts';

/**
 * Tools that are known only while a program runs: those of an MCP server, for one. An agent asks for the list with a model call, records it, and
 * offers what it says; calls go back to the source by the name and hash that were recorded.
 */
export interface ToolSource {
  /** For events and errors; unique among the sources of an agent. */
  readonly name: string;
  /** What an assembly has to offer for it to work. @default nothing */
  readonly requires?: readonly Capability[];
  /** For inspection. @default not told */
  readonly adapter?: AdapterInfo;

  /**
   * The tools as they are now, in the order of their names by code unit, each the same as long as it does not change. What cannot be offered is in `withheld`; a source that can list nothing
   * resolves with an empty list that says why. Rejects only with the reason of `signal`.
   */
  list(scope: ToolListScope): Promise<ToolListing>;

  /**
   * Executes one call, once. Never repeats one of which it does not know whether it happened.
   *
   * @throws {PrusikError} with `meta.inDoubt: true` when the call was sent and nobody knows what became of it; every other error says that it did not
   * happen, or that it failed by the word of whoever executed it.
   */
  call(call: SourcedCall, scope: ToolCallScope): Promise<CallResult>;
}

/** For whom tools are listed. */
export interface ToolListScope {
  readonly run: RunInfo;
  readonly signal: AbortSignal;
}

/** What a source has to offer, and what it keeps back. */
export interface ToolListing {
  readonly tools: readonly SourcedTool[];
  readonly withheld: readonly WithheldTool[];
}

/** A tool that is not offered; without a name: whatever the source would have. */
export interface WithheldTool {
  readonly tool?: string;
  readonly code: string;
  /** For people; without content of calls. */
  readonly reason: string;
}

/** A tool as its source describes it; JSON, since it is recorded. What the options mean is said at `defineTool` of `@prusik/agents`. */
export interface SourcedTool {
  /** What the model calls it by: 1 to 64 letters, digits, `_` and `-`. */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object, of draft 7 or 2020-12. */
  readonly inputSchema: JsonObject;
  /** Of everything that an approval is bound to. The source refuses a call whose hash is not that of its tool. */
  readonly hash: string;
  readonly effect: Effect;
  readonly approval: 'never' | 'once' | 'always';
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  /** @default true */
  readonly parallel?: boolean;
}

/** A call that was decided. */
export interface SourcedCall {
  readonly name: string;
  readonly hash: string;
  readonly callId: string;
  /** After the check by `inputSchema`, and after a person's edit. */
  readonly input: JsonObject;
  /** Of a call that needed something: what it handed out, and what was answered. */
  readonly continues?: CallAnswers;
}

/** What a call has while it is executed. */
export interface ToolCallScope extends RunWorkspaceScope {
  /** The same on every attempt of this call. */
  readonly idempotencyKey: string;
  /** Where the call stands in a trace, for whoever executes it elsewhere; missing where nobody traces. */
  readonly trace: TraceContext | undefined;
  /** Told to whoever watches; never recorded. */
  progress(text: string): void;
}

/** How a call went. */
export type CallResult = CallOutcome | CallNeeds;

/** A call that is over. */
export interface CallOutcome {
  readonly type: 'outcome';
  /** Texts and files in their order. */
  readonly parts: readonly ToolContentPart[];
  /** What the tool gave as data; the model is shown it in place of the parts. */
  readonly value?: Json;
  /** The tool says that it failed: the model reads the texts as an error with this code. */
  readonly failed?: string;
}

/**
 * A call that cannot go on before somebody has said something. It is over so far: what it did has happened, and once all of its needs are answered it is
 * made again, with the answers. At most 8 times.
 */
export interface CallNeeds {
  readonly type: 'needs';
  /** By names of whoever asks, of at most 200 characters: 1 to 16, each at most 64 KiB as JSON, and the files of all of them 4 MiB in base64. */
  readonly needs: Readonly<Record<string, CallNeed>>;
  /** Handed back with the answers, as it is; at most 64 KiB. May be read by whoever reads the journal: no secret. */
  readonly state: Json;
}

/** Something that a call needs. */
export type CallNeed =
  /** An answer of a person, that fits `schema` and has at most 64 KiB. What they are asked is `text` in the body. */
  | {
      readonly kind: 'question';
      readonly body: JsonObject;
      readonly schema?: JsonObject;
      /** @default for ever */
      readonly expiresInMs?: number;
    }
  /** A person signs in somewhere; whoever takes the tokens keeps them and then answers the request, with nothing in it. No secret in the body. */
  | {
      readonly kind: 'sign-in';
      readonly body: JsonObject;
      /** @default for ever */
      readonly expiresInMs?: number;
    }
  /** A reply of a model to this prompt and nothing else, paid by the run. `model` is an alias that whoever runs the call lets tools ask. */
  | {
      readonly kind: 'sample';
      readonly model: string;
      readonly system?: string;
      readonly maxTokens: number;
      readonly messages: readonly SampleMessage[];
    };

/** A message of a prompt that a tool has written. Its files are their bytes, and no address. */
export interface SampleMessage {
  readonly role: 'user' | 'assistant';
  readonly content: readonly ToolContentPart[];
}

/** What was answered to a {@link CallNeeds}. */
export interface CallAnswers {
  readonly state: Json;
  readonly answers: Readonly<Record<string, CallAnswer>>;
}

/** What became of a {@link CallNeed}. */
export type CallAnswer =
  /** Of a sign-in the value is `null`. */
  | { readonly status: 'answered'; readonly value: Json }
  | {
      readonly status: 'sampled';
      readonly text: string;
      readonly model: string;
      readonly finish: 'stop' | 'length' | 'other';
      readonly usage?: Usage;
    }
  /**
   * `rejected`: somebody said no. `withdrawn`: the user has said something else since. `unavailable`: there is nobody to answer, it is not allowed, or
   * what was answered is not what was asked for.
   */
  | { readonly status: 'rejected' | 'expired' | 'withdrawn' | 'unavailable'; readonly reason?: string };

/** Bounds of what a call may need and be answered. */
export const CALL_NEEDS_LIMIT: {
  /** At once, of one call. */
  readonly needs: number;
  /** How often one call may ask. */
  readonly rounds: number;
  /** Characters of the name of a need. */
  readonly name: number;
  /** Of one need, of the state and of one answer, as JSON. */
  readonly bytes: number;
  /** Of the files of all prompts together, in base64. */
  readonly fileBytes: number;
} = { needs: 16, rounds: 8, name: 200, bytes: 65_536, fileBytes: 4 * 1_048_576 };

/** A file that a tool returns: its bytes, or where they are. */
export interface ToolFile {
  readonly type: 'file';
  /** IANA media type, such as `image/png`. */
  readonly mediaType: string;
  readonly data: Uint8Array | FileData;
  readonly name?: string;
}

/** A part of what a tool returns; a string is text. */
export type ToolContentPart = string | TextPart | ToolFile;
