import { checkOptions, type RedactorOptions, type ToolSource } from '@prusik/core';
import { decodeValue } from './recorded-value.ts';
import { createRecordedCalls } from './recorded-calls.ts';
import { parseRecording, readRecordingText, writeRecording } from './recording-file.ts';
import { createRecordingLog } from './recording-log.ts';
import { recordingMode, type RecordingMode } from './recording-mode.ts';
import { recordedModel, type RecordedModel } from './record-model.ts';
import { recordingThrough, replayingThrough, sourceThrough, toolThrough, type RecordedTool } from './record-tools.ts';
import { replayedModel } from './replay-model.ts';
import { createScrub, type ScrubOptions } from './scrub.ts';

/** What {@link createRecorder} takes. */
export interface RecorderOptions extends Pick<RedactorOptions, 'secrets' | 'redact'>, Pick<ScrubOptions, 'normalise'> {
  /** JSON; it belongs into version control. */
  readonly file: string;
  /**
   * `replay`: what is recorded is said again, and nobody is asked. `record`: everything is asked for, and the file is written when the recorder is
   * disposed; never where `CI` is set. `off`: nothing is wrapped. @default 'record' where `PRUSIK_RECORD` is set, else 'replay'
   */
  readonly mode?: RecordingMode;
  /** Provider options that a request is compared by, and recorded with, as `provider.option`. @default none */
  readonly providerOptions?: readonly string[];
  /** Of the file, in bytes. @default 16_777_216 */
  readonly maxBytes?: number;
  /** Where `CI` and `PRUSIK_RECORD` are read. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/** Wraps what a program asks. Whatever it wrapped may be used until it is disposed. */
export interface Recorder {
  readonly mode: RecordingMode;
  /** `name` is what its calls are found by: one for each part that a model plays. */
  model<Model extends RecordedModel>(name: string, model: Model): Model;
  /** A tool with its `execute`; what a tool does besides giving its result, in its scope or in the world, is not done when it is played. */
  tool<Tool extends RecordedTool>(tool: Tool): Tool;
  source<Source extends ToolSource>(source: Source): Source;
  /**
   * Writes what was recorded, or says what the recording has that nobody asked for.
   *
   * @throws {PrusikError} when recording: `RECORDING_TOO_LARGE`, `RECORDING_CONFLICT` or `RECORDING_UNAVAILABLE`, and the file is as it was. When
   * replaying: `REPLAY_CHANGED` where a call met that, whoever took it there; `RECORDING_UNUSED`.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

const KNOWN = {
  names: {
    file: true,
    mode: true,
    redact: true,
    secrets: true,
    normalise: true,
    providerOptions: true,
    maxBytes: true,
    env: true,
  } satisfies Record<keyof RecorderOptions, true>,
  elsewhere: { normalize: 'normalise' },
};
const MODES: readonly unknown[] = ['replay', 'record', 'off'] satisfies readonly RecordingMode[];

/**
 * Records what models, tools and sources of tools answer in a real run, and plays it again without a network. Requests are matched by what is asked, each
 * once and equal ones in their order; what was not recorded fails with `REPLAY_CHANGED` and a diff.
 *
 * What is written is freed of headers, of provider options that are not allowed, of bytes in prompts (their hash stands there), of `secrets` and of what
 * looks like a credential. That is a net and no promise: read a recording before it is shared.
 *
 * @throws {TypeError} for an option that is none.
 * @throws {PrusikError} `RECORDING_MISSING`, `RECORDING_INVALID`, `RECORDING_TOO_LARGE`, `RECORDING_UNAVAILABLE` or `RECORDING_REFUSED`.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  checkOptions('A recorder', options, KNOWN);
  const { file, providerOptions = [], maxBytes = 16_777_216, env = process.env, ...cleaning } = options;
  if (typeof file !== 'string' || file === '') throw new TypeError('A recorder needs a file: its path, as a text');
  if (!(maxBytes > 0)) throw new TypeError(`maxBytes must be more than 0, not ${maxBytes}`);
  if (options.mode !== undefined && !MODES.includes(options.mode))
    throw new TypeError(`The mode of a recorder is replay, record or off, not ${JSON.stringify(options.mode)}`);
  const mode = recordingMode(file, options.mode, env);
  if (mode === 'off') {
    const nothing = Promise.resolve();
    return { mode, model: (_, model) => model, tool: same, source: same, [Symbol.asyncDispose]: () => nothing };
  }
  const allowed = new Set(providerOptions);
  const before = readRecordingText(file, maxBytes);
  return mode === 'record' ? recording() : replaying();

  function recording(): Recorder {
    const log = createRecordingLog(maxBytes);
    const scrub = createScrub({ ...cleaning, maxBytes, keepFile: log.keepFile });
    const through = recordingThrough(log, scrub);
    return {
      mode,
      model: (name, model) => recordedModel(name, model, { log, scrub, allowed }),
      tool: (tool) => toolThrough(tool, through),
      source: (source) => sourceThrough(source, through),
      [Symbol.asyncDispose]: once(() => writeRecording(file, log.text(), before?.digest)),
    };
  }

  function replaying(): Recorder {
    const recorded = parseRecording(before?.text ?? '');
    const calls = createRecordedCalls(file, recorded);
    const scrub = createScrub({ ...cleaning, maxBytes, keepFile: () => {} });
    const fileAt = (sha256: string): string | undefined =>
      Object.hasOwn(recorded.files, sha256) ? recorded.files[sha256] : undefined;
    const decode = (json: Parameters<typeof decodeValue>[0]): unknown => decodeValue(json, fileAt);
    const through = replayingThrough(calls, scrub, decode);
    return {
      mode,
      model: (name, model) => replayedModel(name, model, { calls, decode, scrub, allowed }),
      tool: (tool) => toolThrough(tool, through),
      source: (source) => sourceThrough(source, through),
      [Symbol.asyncDispose]: once(() => calls.assertPlayed()),
    };
  }
}

const same = <T>(value: T): T => value;

/** The same answer each time. */
function once(work: () => void): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= new Promise((resolve) => resolve(work())));
}
