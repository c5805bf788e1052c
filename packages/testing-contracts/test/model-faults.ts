import { scriptedModel, type ContractModel, type ModelChunk, type ScriptedPart } from '../src/index.ts';

/** A way to be broken, and the test of the suite that has to notice. */
export interface ModelFault {
  readonly name: string;
  /** Part of the title of that test, and of no other. */
  readonly caughtBy: string;
  readonly create: (replies: readonly (readonly ScriptedPart[])[]) => ContractModel;
}

type Change = (chunk: ModelChunk, index: number) => readonly ModelChunk[];

const broken = (
  name: string,
  caughtBy: string,
  change: (sound: ContractModel) => Partial<ContractModel>,
  before: (part: ScriptedPart) => ScriptedPart = (part) => part,
): ModelFault => ({
  name,
  caughtBy,
  create(replies) {
    const sound = scriptedModel(replies.map((parts) => parts.map(before)));
    return { ...sound, ...change(sound) };
  },
});

/** Its stream is another one. */
function streams(
  name: string,
  caughtBy: string,
  change: () => { readonly chunk?: Change; readonly flush?: (give: (chunk: ModelChunk) => void) => void },
): ModelFault {
  return broken(name, caughtBy, (sound) => ({
    async doStream(options) {
      const { chunk: each = (chunk) => [chunk], flush } = change();
      const { stream } = await sound.doStream(options);
      let index = 0;
      const changed = (stream as ReadableStream<ModelChunk>).pipeThrough(
        new TransformStream<ModelChunk, ModelChunk>({
          transform(chunk, controller) {
            for (const one of each(chunk, (index += 1))) controller.enqueue(one);
          },
          flush: (controller) => flush?.((chunk) => controller.enqueue(chunk)),
        }),
      );
      return { stream: changed as ReadableStream<never> };
    },
  }));
}

const each = (name: string, caughtBy: string, chunk: Change): ModelFault => streams(name, caughtBy, () => ({ chunk }));

const finishes = (
  name: string,
  caughtBy: string,
  change: (finish: Extract<ModelChunk, { type: 'finish' }>) => object,
) =>
  each(name, caughtBy, (chunk) => [chunk.type === 'finish' ? ({ ...chunk, ...change(chunk) } as ModelChunk) : chunk]);

const without = (name: string, caughtBy: string, type: ModelChunk['type']): ModelFault =>
  each(name, caughtBy, (chunk) => (chunk.type === type ? [] : [chunk]));

/** The stream that breaks is closed as if all were well. */
const closesAsWhole = (name: string, caughtBy: string): ModelFault =>
  broken(name, caughtBy, (sound) => ({
    async doStream(options) {
      const { stream } = await sound.doStream(options);
      async function* calm(): AsyncGenerator<ModelChunk> {
        try {
          yield* stream as ReadableStream<ModelChunk>;
        } catch {
          const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
          yield {
            type: 'finish',
            finishReason: { unified: 'stop', raw: undefined },
            usage: { inputTokens: none, outputTokens: { total: undefined, text: undefined, reasoning: undefined } },
          };
        }
      }
      return { stream: ReadableStream.from(calm()) as ReadableStream<never> };
    },
  }));

const rejects = (name: string, caughtBy: string, change: (error: object) => unknown): ModelFault =>
  broken(name, caughtBy, (sound) => ({
    async doStream(options) {
      try {
        return await sound.doStream(options);
      } catch (error) {
        throw change(error as object);
      }
    },
  }));

const STREAM_ORDER = 'begins with its start';
const BLOCKS = 'text comes whole and in order';
const CALL = 'a call names its tool';
const CALLS = 'several calls of a reply';
const INPUT = 'an input while it is written';

export const MODEL_FAULTS: readonly ModelFault[] = [
  broken('it is of another version', 'says its version', () => ({ specificationVersion: 'v2' })),
  broken('it has no provider', 'says its version', () => ({ provider: '' })),
  without('there is no start', STREAM_ORDER, 'stream-start'),
  each('the end comes twice', STREAM_ORDER, (chunk) => (chunk.type === 'finish' ? [chunk, chunk] : [chunk])),
  each('something comes after the end', STREAM_ORDER, (chunk) =>
    chunk.type === 'finish' ? [chunk, { type: 'ping' }] : [chunk],
  ),
  streams('the last piece of text is lost', BLOCKS, () => {
    let deltas = 0;
    return { chunk: (chunk) => (chunk.type === 'text-delta' && (deltas += 1) === 3 ? [] : [chunk]) };
  }),
  each('characters of several bytes are broken', BLOCKS, (chunk) => [
    chunk.type === 'text-delta' ? { ...chunk, delta: Buffer.from(chunk.delta).toString('latin1') } : chunk,
  ]),
  without('blocks are not begun', BLOCKS, 'text-start'),
  without('blocks are not ended', BLOCKS, 'text-end'),
  streams('the whole reply is waited for', 'handed on while the reply', () => {
    const held: ModelChunk[] = [];
    return { chunk: (chunk) => (held.push(chunk), []), flush: (give) => held.forEach(give) };
  }),
  each('the input is an object', CALL, (chunk) => [
    chunk.type === 'tool-call' ? { ...chunk, input: JSON.parse(chunk.input) as string } : chunk,
  ]),
  each('the input is JSON in JSON', CALL, (chunk) => [
    chunk.type === 'tool-call' ? { ...chunk, input: JSON.stringify(chunk.input) } : chunk,
  ]),
  finishes('calls end like a plain reply', CALL, () => ({ finishReason: { unified: 'stop', raw: undefined } })),
  each('every call has one id', CALLS, (chunk) => [
    chunk.type === 'tool-call' ? { ...chunk, toolCallId: 'call' } : chunk,
  ]),
  streams('only the first call is handed on', CALLS, () => {
    let calls = 0;
    return { chunk: (chunk) => (chunk.type === 'tool-call' && (calls += 1) > 1 ? [] : [chunk]) };
  }),
  without('inputs are not ended', INPUT, 'tool-input-end'),
  each('an input has another id than its call', INPUT, (chunk) => [
    chunk.type === 'tool-call' ? { ...chunk, toolCallId: 'other' } : chunk,
  ]),
  each('thoughts are said', 'apart from what it says', (chunk) => [
    chunk.type.startsWith('reasoning')
      ? ({
          ...chunk,
          id: `r${(chunk as { id: string }).id}`,
          type: chunk.type.replace('reasoning', 'text'),
        } as ModelChunk)
      : chunk,
  ]),
  each('signatures of thoughts are dropped', 'attached to a thought', (chunk) => [
    chunk.type === 'reasoning-end' ? { type: chunk.type, id: chunk.id } : chunk,
  ]),
  each('signatures of calls are dropped', 'attached to a thought', (chunk) => {
    if (chunk.type !== 'tool-call') return [chunk];
    const { providerMetadata: _, ...bare } = chunk;
    return [bare];
  }),
  finishes('an unknown end is taken for the ordinary one', 'ends with length', () => ({
    finishReason: { unified: 'stop', raw: undefined },
  })),
  finishes('the ordinary end is not known', 'ends with stop', () => ({
    finishReason: { unified: 'other', raw: undefined },
  })),
  finishes('a filter is not told', 'ends with content-filter', () => ({
    finishReason: { unified: 'stop', raw: undefined },
  })),
  finishes('tokens are mixed up', 'as the provider tells them', ({ usage }) => ({
    usage: {
      inputTokens: { ...usage.inputTokens, total: usage.outputTokens.total },
      outputTokens: { ...usage.outputTokens, total: usage.inputTokens.total },
    },
  })),
  finishes('unknown tokens are zero', 'unknown, not zero', ({ usage }) => ({
    usage: {
      inputTokens: { ...usage.inputTokens, total: usage.inputTokens.total ?? 0 },
      outputTokens: { ...usage.outputTokens, total: usage.outputTokens.total ?? 0 },
    },
  })),
  finishes('only totals are told', 'told apart', ({ usage }) => ({
    usage: {
      inputTokens: { ...usage.inputTokens, cacheRead: undefined },
      outputTokens: { ...usage.outputTokens, reasoning: undefined },
    },
  })),
  broken('a whole reply has no calls', 'what its stream adds up to', (sound) => ({
    async doGenerate(options) {
      const whole = (await sound.doGenerate(options)) as { content: { type: string }[] };
      return { ...whole, content: whole.content.filter(({ type }) => type !== 'tool-call') };
    },
  })),
  broken('a whole reply has an end of its own', 'what its stream adds up to', (sound) => ({
    doGenerate: async (options) => ({ ...(await sound.doGenerate(options)), finishReason: { unified: 'stop' } }),
  })),
  broken('calls share their text', 'two calls at once', (sound) => {
    let shared = '';
    return {
      async doStream(options) {
        const { stream } = await sound.doStream(options);
        const mixed = (stream as ReadableStream<ModelChunk>).pipeThrough(
          new TransformStream<ModelChunk, ModelChunk>({
            transform(chunk, controller) {
              if (chunk.type === 'text-delta') shared += chunk.delta;
              controller.enqueue(chunk.type === 'text-delta' ? { ...chunk, delta: shared } : chunk);
            },
          }),
        );
        return { stream: mixed as ReadableStream<never> };
      },
    };
  }),
  rejects('the status is not told', 'without room rejects', (error) =>
    Object.assign(new Error('failed'), error, { statusCode: undefined }),
  ),
  rejects('headers are dropped', 'without room rejects', (error) =>
    Object.assign(new Error('failed'), error, { responseHeaders: undefined }),
  ),
  rejects('everything may be asked again', 'calls wrong rejects', (error) =>
    Object.assign(new Error('failed'), error, { isRetryable: true }),
  ),
  broken('a whole reply that failed is empty', 'asked for as a whole too', (sound) => ({
    doGenerate: async (options) => {
      try {
        return await sound.doGenerate(options);
      } catch {
        return { content: [] };
      }
    },
  })),
  without('errors in a stream are swallowed', 'an error in the middle', 'error'),
  streams('an error throws away what was said', 'an error in the middle', () => ({
    chunk: (chunk) => (chunk.type === 'text-delta' ? [] : [chunk]),
  })),
  closesAsWhole('a broken connection ends like a whole reply', 'a connection that breaks'),
  streams('half a call is handed on', 'half a call is no call', () => ({
    chunk: (chunk) =>
      chunk.type === 'tool-input-delta'
        ? [chunk, { type: 'tool-call', toolCallId: chunk.id, toolName: 'look', input: `${chunk.delta}"}` }]
        : [chunk],
  })),
  broken('the signal is ignored', 'before it began', (sound) => ({
    doStream: (options: object) => sound.doStream({ ...options, abortSignal: undefined } as never),
  })),
  broken('a stream cannot be stopped', 'ends at once', (sound) => ({
    doStream: (options: object) => sound.doStream({ ...options, abortSignal: undefined } as never),
  })),
  broken('a failure is kept for ever', 'the call after one that failed', (sound) => {
    let failed: unknown;
    return {
      async doStream(options) {
        if (failed !== undefined) throw failed;
        try {
          return await sound.doStream(options);
        } catch (error) {
          failed = error;
          throw error;
        }
      },
    };
  }),
];
