import type { LanguageModelV4 } from '@ai-sdk/provider';

type Chunk =
  Awaited<ReturnType<LanguageModelV4['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never;

const usage = {
  inputTokens: { total: 10, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 10, text: undefined, reasoning: undefined },
};

/** One chunk of it. */
export const WORD = 'word ';

/** A reply of `chunks` pieces of text, each said as soon as somebody takes it. `said` is told right before each. */
export function talkingModel(chunks: number, said: (chunk: number) => void): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'talking',
    modelId: 'talking',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('It only streams')),
    async doStream() {
      let next = -1;
      const stream = new ReadableStream<Chunk>({
        pull(controller) {
          next += 1;
          if (next === 0) {
            controller.enqueue({ type: 'stream-start', warnings: [] });
            controller.enqueue({ type: 'text-start', id: '0' });
          } else if (next <= chunks) {
            said(next - 1);
            controller.enqueue({ type: 'text-delta', id: '0', delta: WORD });
          } else {
            controller.enqueue({ type: 'text-end', id: '0' });
            controller.enqueue({ type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage });
            controller.close();
          }
        },
      });
      return { stream };
    },
  };
}
