import type { ModelChunk } from './model-chunk.ts';
import type { WholeReply } from './scripted-stream.ts';
import type { ScriptedPart } from './script-types.ts';
import { MODEL_FAILURE_TESTS } from './model-failure-tests.ts';
import { MODEL_REPLY_TESTS } from './model-reply-tests.ts';
import type { ModelAbilities, ModelTest, ModelUnderTest } from './model-test.ts';

/** What {@link modelContract} takes. */
export interface ModelContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /**
   * A model over a provider of yours that says what it is told: the n-th call gets `replies[n]`. For an adapter of a service that is a server on
   * loopback which translates the parts into the service's own stream; a fault is an HTTP status (`reject`), an error event (`error`) or a
   * closed connection (`drop`). Called once per test, or twice where two replies are compared.
   */
  readonly create: (replies: readonly (readonly ScriptedPart[])[]) => ModelUnderTest | Promise<ModelUnderTest>;
  /** What the provider can say; decides which tests are registered. */
  readonly abilities: ModelAbilities;
}

/** What is asked of every model here; adapters may be asked more. */
const REQUEST = {
  prompt: [{ role: 'user', content: [{ type: 'text', text: 'Go' }] }],
  tools: [
    {
      type: 'function',
      name: 'look',
      description: 'Looks',
      inputSchema: { type: 'object', properties: { at: { type: 'string' } } },
    },
  ],
};

/** Every promise of a `LanguageModelV4` that the harness builds on, as tests. */
export const MODEL_TESTS: readonly ModelTest[] = [...MODEL_REPLY_TESTS, ...MODEL_FAILURE_TESTS];

/** Those that a model with these abilities has to pass. */
export const modelTestsFor = (abilities: ModelAbilities): readonly ModelTest[] =>
  MODEL_TESTS.filter(({ needs }) => needs === undefined || abilities[needs]);

/** A model that passes streams as it goes, tells calls, ends, usage and failures apart, and stops when it is told to. */
export function modelContract({ test, create, abilities }: ModelContract): void {
  for (const modelTest of modelTestsFor(abilities)) test(modelTest.title, () => runModelTest(modelTest, create));
}

/** Runs one test on the models that `create` makes for it, and removes them. */
export async function runModelTest({ run }: ModelTest, create: ModelContract['create']): Promise<void> {
  const made: ModelUnderTest[] = [];
  try {
    await run({
      async model(...replies) {
        const under = await create(replies);
        made.push(under);
        const { model } = under;
        const ask = (more: object = {}) => ({ ...REQUEST, ...more }) as never;
        return {
          model,
          async stream(more) {
            const { stream } = await model.doStream(ask(more));
            return stream.getReader() as ReadableStreamDefaultReader<ModelChunk>;
          },
          async said(more) {
            const chunks: ModelChunk[] = [];
            try {
              const { stream } = await model.doStream(ask(more));
              for await (const chunk of stream) chunks.push(chunk as ModelChunk);
              return { chunks };
            } catch (thrown) {
              return { chunks, thrown };
            }
          },
          whole: async (more) => (await model.doGenerate(ask(more))) as unknown as WholeReply,
        };
      },
    });
  } finally {
    for (const { remove } of made) await remove?.();
  }
}
