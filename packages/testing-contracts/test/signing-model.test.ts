import { describe, expect, it } from 'vitest';
import { signingModel, type ModelContent, type ScriptedRequest } from '../src/index.ts';

const asked = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

/** What a model said, as a prompt gives it back. */
async function history(): Promise<readonly Record<string, unknown>[]> {
  const model = signingModel([[{ reasoning: 'a' }, { reasoning: 'b' }, 'text', { call: 'look', input: { q: 1 } }]]);
  const { content } = (await model.doGenerate({ prompt: [asked] })) as { content: ModelContent[] };
  return content.map((part) => {
    const { providerMetadata: providerOptions, ...rest } = part;
    const more = providerOptions === undefined ? {} : { providerOptions };
    return part.type === 'tool-call'
      ? { ...rest, input: JSON.parse(part.input) as unknown, ...more }
      : { ...rest, ...more };
  });
}

const answer = async (content: readonly unknown[], secret?: string): Promise<unknown> => {
  const prompt: ScriptedRequest['prompt'] = [asked, { role: 'assistant', content }];
  return signingModel(['fine'], secret === undefined ? {} : { secret }).doGenerate({ prompt });
};

describe('TST-4: signingModel', () => {
  it('takes back what another instance of it signed, and what nobody signed but thoughts', async () => {
    expect(await answer(await history())).toMatchObject({ content: [{ text: 'fine' }] });
    expect(
      await answer([
        { type: 'text', text: 'x' },
        { type: 'tool-call', toolName: 'look', input: {} },
      ]),
    ).toMatchObject({});
  });

  it.each<[string, (parts: readonly Record<string, unknown>[]) => readonly unknown[], RegExp]>([
    ['a changed thought', ([a, ...rest]) => [{ ...a, text: 'x' }, ...rest], /not what was signed/],
    ['an unsigned thought', ([, ...rest]) => [{ type: 'reasoning', text: 'a' }, ...rest], /without its signature/],
    ['thoughts in another order', ([a, b, ...rest]) => [b, a, ...rest], /does not follow/],
    ['a missing thought', ([, ...rest]) => rest, /does not follow/],
    ['a thought after the text', ([a, b, text, call]) => [a, text, b, call], /after what follows/],
    ['a changed call', ([a, b, text, call]) => [a, b, text, { ...call, input: { q: 2 } }], /does not follow/],
    ['a call of another tool', ([a, b, text, call]) => [a, b, text, { ...call, toolName: 'rm' }], /does not follow/],
  ])('refuses %s, as a provider does', async (_, change, message) => {
    await expect(answer(change(await history()))).rejects.toMatchObject({
      statusCode: 400,
      isRetryable: false,
      message: expect.stringMatching(message),
    });
  });

  it('refuses what another provider signed', async () => {
    await expect(answer(await history(), 'another secret')).rejects.toMatchObject({ statusCode: 400 });
  });
});
