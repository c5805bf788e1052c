import { hashJson, type Json, type JsonObject } from '@prusik/core';
import type { RecordedRequest } from './model-request.ts';
import { chainsOf } from './prompt-chain.ts';
import { recordingTooLarge } from './recording-errors.ts';
import { prettyJson, type CallOf, type FiledCall, type FiledPrompt, type FiledReply } from './recording-file.ts';

/** Calls under way and over, as they will lie in the file. What is over its bound is not kept; whoever is recorded does not notice. */
export interface RecordingLog {
  /** The answer is given later; a call that never is told has been stopped. */
  begin(of: CallOf, name: string, request: () => RecordedRequest): (reply: () => FiledReply) => void;
  keepFile(sha256: string, base64: string): void;
  /** Of a value that many calls have. */
  share(value: Json): string;
  /** @throws {PrusikError} `RECORDING_TOO_LARGE`, or what a redaction or a value of the program's own threw. */
  text(): string;
}

export function createRecordingLog(maxBytes: number): RecordingLog {
  const calls: { readonly asked: Omit<FiledCall, 'reply'>; reply: FiledReply }[] = [];
  const shared = new Map<string, Json>();
  const prompts = new Map<string, FiledPrompt>();
  const files = new Map<string, string>();
  let size = 0;
  let problem: { readonly error: unknown } | undefined;

  /** Whatever goes wrong is told at the end: no call that is watched fails because of it. */
  const carefully = (work: () => void): void => {
    if (problem !== undefined) return;
    try {
      work();
    } catch (error) {
      problem = { error };
      // It will not be written, and must not fill the memory of what it watches.
      for (const kept of [shared, prompts, files]) kept.clear();
      calls.length = 0;
    }
  };
  const spend = (json: unknown): void => {
    size += Buffer.byteLength(JSON.stringify(json));
    if (size > maxBytes) throw recordingTooLarge(maxBytes);
  };
  const share = (value: Json): string => {
    const label = `s${hashJson(value).replace('sha256:', '').slice(0, LABEL)}`;
    if (!shared.has(label)) {
      spend(value);
      shared.set(label, value);
    }
    return label;
  };

  /** A conversation is what it has beyond the longest one before it that it goes on from. */
  function promptOf(messages: readonly Json[]): string {
    const chains = chainsOf(messages);
    const labels = chains.map((chain, length) => (length === 0 ? NO_MESSAGES : `p${chain.slice(0, LABEL)}`));
    const last = labels.at(-1) ?? NO_MESSAGES;
    if (prompts.has(last)) return last;
    const known = labels.findLastIndex((label) => prompts.has(label));
    const after = known < 0 ? undefined : labels[known];
    const prompt = { ...(after === undefined ? {} : { after }), messages: messages.slice(Math.max(0, known)) };
    spend(prompt);
    prompts.set(last, prompt);
    return last;
  }

  const asked = (of: CallOf, name: string, { head, messages }: RecordedRequest): Omit<FiledCall, 'reply'> =>
    of === 'model' ? { of, name, settings: share(head), prompt: promptOf(messages) } : { of, name, input: head };

  return {
    begin(of, name, request) {
      let call: (typeof calls)[number] | undefined;
      carefully(() => {
        call = { asked: asked(of, name, request()), reply: { stopped: true } };
        spend(call);
        calls.push(call);
      });
      return (reply) =>
        carefully(() => {
          if (call === undefined) return;
          const told = reply();
          spend(told);
          call.reply = told;
        });
    },
    keepFile(sha256, base64) {
      if (files.has(sha256)) return;
      spend(base64);
      files.set(sha256, base64);
    },
    share,
    text() {
      if (problem !== undefined) throw problem.error;
      const json = {
        v: 2,
        calls: calls.map(({ asked: call, reply }) => ({ ...call, reply })),
        shared: Object.fromEntries(shared),
        prompts: Object.fromEntries(prompts),
        files: Object.fromEntries(files),
      };
      const text = `${prettyJson(json as unknown as JsonObject)}\n`;
      if (Buffer.byteLength(text) > maxBytes) throw recordingTooLarge(maxBytes);
      return text;
    },
  };
}

/** Hexadecimal digits of a hash that name what is in a table. */
const LABEL = 20;
const NO_MESSAGES = 'p0';
