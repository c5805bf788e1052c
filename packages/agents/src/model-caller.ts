// As a namespace: a name that another version of the package does not have is `undefined` there, and the import does not fail.
import * as ai from 'ai';
import type { LanguageModelStreamPart, ModelMessage, Output, ToolSet } from 'ai';
import type { LanguageModelObject } from './language-model.ts';
import type { ModelSettings } from './model-settings.ts';

/** One request to one model, in the AI SDK's terms. */
export interface ModelRequest {
  readonly model: LanguageModelObject;
  /** Empty where there are none. */
  readonly instructions: string;
  readonly messages: readonly ModelMessage[];
  /** Without anything to execute. */
  readonly tools: ToolSet;
  /** What the reply must be, where it must be JSON. */
  readonly output?: ReturnType<typeof Output.object>;
  readonly settings: ModelSettings;
  /** Whether the provider's raw events are wanted as chunks of type `raw`. */
  readonly raw: boolean;
  /** Loads what a prompt or a reply names by URL and the model does not load itself. */
  readonly download: DownloadFiles;
  readonly signal: AbortSignal;
}

/** As in the AI SDK: `null` hands the URL to the model as it is. */
export type DownloadFiles = ai.Experimental_DownloadFunction;

/**
 * The one door to models. Streams the chunks of one call: it executes no tool, retries nothing, and says how the reply ended in a chunk of type
 * `model-call-end`. Rejects, or streams a chunk of type `error`, with what the provider failed with. Cancelling the stream ends the call.
 */
export interface ModelCaller {
  stream(request: ModelRequest): Promise<ReadableStream<LanguageModelStreamPart>>;
}

/** The lowest layer of the AI SDK, which is experimental there. */
export const languageModelCaller: ModelCaller = {
  async stream({ settings, signal, raw, instructions, messages, ...request }) {
    const { stream } = await ai.experimental_streamLanguageModelCall({
      ...callSettings(settings),
      ...request,
      messages: [...messages],
      ...(instructions === '' ? {} : { instructions }),
      abortSignal: signal,
      ...(raw ? { includeRawChunks: true } : {}),
      // Content is collected by us already; a second copy would only cost.
      _internal: { collectContent: false },
    });
    return stream;
  },
};

/** The stable function of the AI SDK, held to one step. */
export const streamTextCaller: ModelCaller = {
  async stream({ settings, signal, raw, instructions, messages, download, ...request }) {
    let ended = false;
    const { stream } = ai.streamText({
      ...callSettings(settings),
      ...request,
      messages: [...messages],
      ...(instructions === '' ? {} : { instructions }),
      experimental_download: download,
      abortSignal: signal,
      include: { rawChunks: raw },
      maxRetries: 0,
      stopWhen: ai.isStepCount(1),
      // The default prints to the console; the error comes as a chunk, too.
      onError: () => {},
      // Of a stream that broke off it makes up an end, and this is not called.
      onLanguageModelCallEnd: () => {
        ended = true;
      },
    });
    return stream.pipeThrough(oneCall(signal, () => ended));
  },
};

/** The form that this version of the AI SDK has. */
export const callerOf = (sdk: { readonly experimental_streamLanguageModelCall?: unknown }): ModelCaller =>
  typeof sdk.experimental_streamLanguageModelCall === 'function' ? languageModelCaller : streamTextCaller;

export const defaultCaller: ModelCaller = callerOf(ai);

// The SDK's types have mutable members for the same data.
const callSettings = (settings: ModelSettings) =>
  settings as ai.LanguageModelCallOptions & Pick<ai.RequestOptions, 'headers'> & { readonly toolChoice?: 'auto' };

/** A stream of steps as that of the one call in it. */
function oneCall(
  signal: AbortSignal,
  ended: () => boolean,
): TransformStream<ai.TextStreamPart<ToolSet>, LanguageModelStreamPart> {
  return new TransformStream({
    transform(part, controller) {
      switch (part.type) {
        case 'start-step':
          return controller.enqueue({ type: 'model-call-start', warnings: part.warnings });
        case 'finish-step': {
          const { response, usage, finishReason, rawFinishReason, providerMetadata, performance } = part;
          controller.enqueue({ type: 'model-call-response-metadata', id: response.id, modelId: response.modelId });
          if (!ended()) return;
          return controller.enqueue({
            type: 'model-call-end',
            finishReason,
            rawFinishReason,
            usage,
            ...(providerMetadata === undefined ? {} : { providerMetadata }),
            performance,
          });
        }
        case 'abort':
          return controller.error(signal.reason);
        case 'start':
        case 'finish':
        case 'tool-output-denied':
          return;
        default:
          return controller.enqueue(part as LanguageModelStreamPart);
      }
    },
  });
}
