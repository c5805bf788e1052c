import { describe, expect, it } from 'vitest';
import { toStepFacts, type ModelFacts, type StepFacts } from '../src/index.ts';

describe('facts of a step', () => {
  it('TEL-1: are kept as they were told, and nothing besides', () => {
    const told = {
      of: 'model',
      answered: 'other/model',
      responseModel: 'model-2026',
      responseId: 'reply-1',
      finish: 'stop',
      firstChunkMs: 12.4,
      json: true,
      failed: [{ model: 'first/model', why: 'rate-limit', said: 'text of a provider' }],
      content: 'what somebody added',
    } as unknown as StepFacts;

    expect(JSON.parse(JSON.stringify(toStepFacts(told)))).toEqual({
      of: 'model',
      answered: 'other/model',
      responseModel: 'model-2026',
      responseId: 'reply-1',
      finish: 'stop',
      firstChunkMs: 12,
      json: true,
      failed: [{ model: 'first/model', why: 'rate-limit' }],
    });
    expect(JSON.parse(JSON.stringify(toStepFacts({ of: 'tool', callId: 'c1', source: 's', error: 'E' })))).toEqual({
      of: 'tool',
      callId: 'c1',
      source: 's',
      error: 'E',
    });
  });

  it('TEL-1: texts are cut past 200 characters, never in the middle of one, and lists past 20', () => {
    const failed = Array.from({ length: 30 }, (_, n) => ({ model: `m${n}`, why: 'x'.repeat(300) }));

    const facts = toStepFacts({ of: 'model', responseId: `${'i'.repeat(199)}🙂`, failed }) as ModelFacts;

    expect(facts.responseId).toBe(`${'i'.repeat(199)}\uFFFD`);
    expect(facts.failed).toHaveLength(20);
    expect(facts.failed?.[0]?.why).toHaveLength(200);
  });

  it('TEL-1: what has no place or is no number is left out, and does not cost the step its outcome', () => {
    const told = { of: 'model', answered: 5, firstChunkMs: Number.NaN, json: false } as unknown as StepFacts;

    expect(JSON.parse(JSON.stringify(toStepFacts(told)))).toEqual({ of: 'model' });
    expect(() => toStepFacts({ of: 'other' } as unknown as StepFacts)).toThrow(TypeError);
  });
});
