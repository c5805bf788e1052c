import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { AGENT_LIMITS, bindModels, defineAgent, modelRegistry } from '../src/index.ts';
import { charsPerTokenOf } from '../src/context-check.ts';
import { afterCompaction, afterModel, begin, next } from '../src/loop.ts';
import { runLimitsOf, type CompactionRecord, type ReplyRecord } from '../src/loop-types.ts';
import { newEngine } from './support.ts';

describe('the limit of a context', () => {
  it('AGT-9: is what the registry says of the model, where the agent says nothing else', async () => {
    const question = 'x'.repeat(40_000);
    const small = { model: scriptedModel(['Yes.']), capabilities: { contextTokens: 8_000 } };
    const run = async (context?: { readonly limit: number }): Promise<unknown> => {
      const agent = defineAgent({
        name: 'a',
        instructions: '',
        model: 'small',
        ...(context === undefined ? {} : { context }),
      });
      return newEngine([bindModels(agent, modelRegistry({ small }))]).run('a', question, { id: 'r' });
    };

    expect(await run()).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_OVERFLOW' } });
    expect(await run({ limit: 100_000 })).toMatchObject({ status: 'completed' });
  });

  it.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: Number.NaN }],
    ['manager', { manager: {} as never }],
    ['summaryModel', { summaryModel: '' }],
    ['summary model', { summaryModel: {} as never }],
  ])('AGT-9: a wrong %s is a TypeError when the agent is defined', (what, context) => {
    const define = () => defineAgent({ name: 'a', instructions: '', model: scriptedModel([]), context });

    expect(define).toThrow(TypeError);
    expect(define).toThrow(what);
  });
});

describe('the alias of whoever writes summaries', () => {
  const agent = defineAgent({
    name: 'a',
    instructions: '',
    model: scriptedModel(['Yes.']),
    context: { summaryModel: 'cheap' },
  });

  it('AGT-9, AGT-7: is bound with the registry, and the agent does not run without it', async () => {
    const unbound = newEngine([agent]).run('a', 'Hello', { id: 'r' });
    const bound = bindModels(agent, modelRegistry({ cheap: scriptedModel([]) }));

    await expect(unbound).rejects.toMatchObject({ code: 'MODEL_UNKNOWN', meta: { alias: 'cheap' } });
    expect(await newEngine([bound]).run('a', 'Hello', { id: 'r' })).toMatchObject({ status: 'completed' });
  });

  it('AGT-7: that is not registered is refused when it is bound', () => {
    expect(() => bindModels(agent, modelRegistry({ other: scriptedModel([]) }))).toThrow('cheap');
  });
});

describe('AGT-9: the loop', () => {
  const BEGIN = begin(runLimitsOf(AGENT_LIMITS, 500));
  const tooLong = (more: Partial<ReplyRecord> = {}): ReplyRecord => ({
    verdict: 'too-long',
    tokens: 0,
    promptTokens: 9_000,
    ...more,
  });
  const refusal = { error: { code: 'MODEL_CALL_FAILED', message: 'prompt is too long' } };
  const shorter: CompactionRecord = { did: 'trim', before: 9_000, after: 3_000, tokens: 70, costMicros: 5 };
  const failed: CompactionRecord = {
    did: 'nothing',
    before: 9_000,
    after: 9_000,
    tokens: 0,
    error: { code: 'CONTEXT_SUMMARY_FAILED', message: 'No' },
  };

  it('makes a prompt shorter that is too long, and asks for the same model call again', () => {
    const asked = afterModel(BEGIN, tooLong());
    expect(next(asked, 0)).toEqual({ do: 'compact', n: 1, promptTokens: 9_000, refused: false });
    const compacted = afterCompaction(asked, shorter);
    expect(next(compacted, 0)).toEqual({ do: 'call-model', step: 1 });
    expect(compacted).toMatchObject({ tokens: 70, costMicros: 5, promptTokens: 3_000, compactions: 1 });
  });

  it('says that the provider refused it, and does not make one prompt shorter twice', () => {
    const asked = afterModel(BEGIN, tooLong(refusal));
    expect(next(asked, 0)).toMatchObject({ do: 'compact', refused: true });
    const again = afterModel(afterCompaction(asked, shorter), tooLong(refusal));
    expect(next(again, 0)).toMatchObject({ do: 'fail', error: { code: 'CONTEXT_OVERFLOW' } });
  });

  it('does so again for a later model call', () => {
    const first = afterCompaction(afterModel(BEGIN, tooLong()), shorter);
    const answered = afterModel(first, { verdict: 'refused', tokens: 3_100, charsPerToken: 3 });
    const later = afterModel(answered, tooLong());

    expect(next(later, 0)).toEqual({ do: 'compact', n: 2, promptTokens: 9_000, refused: false });
    expect(later.charsPerToken).toBe(3);
  });

  it('fails at once with why nothing came of it where the provider had refused the prompt, and goes on where it had not', () => {
    const refused = afterCompaction(afterModel(BEGIN, tooLong(refusal)), failed);
    const fits = afterCompaction(afterModel(BEGIN, tooLong()), failed);

    expect(next(refused, 0)).toMatchObject({ do: 'fail', error: { code: 'CONTEXT_SUMMARY_FAILED' } });
    expect(next(fits, 0)).toEqual({ do: 'call-model', step: 1 });
    expect(fits.compactionFailed).toBe(true);
    expect(next(afterModel(fits, tooLong()), 0)).toMatchObject({ error: { code: 'CONTEXT_SUMMARY_FAILED' } });
  });
});

describe('what a provider says of its tokens', () => {
  it.each([
    [4_000, 1_000, 4],
    [1_000, 900, 1.11],
    [4_000, undefined, undefined],
    [4_000, 0, undefined],
    // Only what was not cached, or a prompt of its own besides: nothing to measure by.
    [4_000, 100, undefined],
    [4_000, 9_000, undefined],
  ])('AGT-9: %s characters and %s tokens are %s characters a token', (chars, tokens, ratio) => {
    expect(charsPerTokenOf(chars, tokens)).toBe(ratio);
  });
});
