import { reconcile, type DurableContext, type Message, type StoredMessage } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { createPromptView } from '../src/prompt-view.ts';
import { assistantMessage, resultOf, toolMessage, userNote } from '../src/stored-messages.ts';

const user = (id: string): Message => userNote(id, id, 'context');
const calls = (id: string, ...callIds: readonly string[]): Message =>
  assistantMessage(
    id,
    callIds.map((callId) => ({ type: 'tool-call', callId, tool: 't', input: {} })),
  );
const result = (callId: string): Message =>
  toolMessage(`r-${callId}`, resultOf({ callId, tool: 't' }, { type: 'text', text: callId }));
const searches = (id: string): Message =>
  assistantMessage(id, [
    { type: 'text', text: 'Searching.' },
    { type: 'tool-call', callId: 's', tool: 'search', input: {}, providerExecuted: true },
  ]);
const found = (id: string): Message =>
  assistantMessage(id, [resultOf({ callId: 's', tool: 'search' }, { type: 'text', text: 'Found.' })]);

/** The prompts of a drive whose thread grows by these portions, each seen at a model call. */
async function prompts(portions: readonly (readonly Message[])[]) {
  const thread: StoredMessage[] = [];
  const view = createPromptView({ thread: { read: async () => [...thread] } } as unknown as DurableContext);
  const seen = [];
  for (const portion of portions) {
    for (const message of portion) thread.push({ n: thread.length + 1, message });
    seen.push({ ...(await view()), whole: reconcile(thread.map(({ message }) => message)) });
  }
  return seen;
}

describe('SES-5: the prompt of a drive, kept up message by message', () => {
  it.each<[string, readonly (readonly Message[])[]]>([
    ['a turn', [[user('u')], [calls('a', 'x'), result('x')], [calls('b', 'y'), result('y')]]],
    [
      'results in the order of completion',
      [[user('u')], [calls('a', 'x', 'y', 'z'), result('z'), result('x'), result('y')]],
    ],
    [
      'a history with calls left open',
      [
        [user('u'), calls('a', 'x', 'y'), result('y'), user('v')],
        [calls('b', 'z'), result('z')],
      ],
    ],
    [
      'ids that a history uses twice',
      [[user('u'), calls('a', 'x'), result('x'), calls('b', 'x'), result('x')], [user('v')]],
    ],
    [
      'a provider that closes its call later',
      [[user('u')], [searches('a')], [found('b'), user('v')], [calls('c', 'x'), result('x')]],
    ],
  ])('is that of the whole thread: %s', async (_, portions) => {
    for (const { messages, whole } of await prompts(portions)) expect(messages).toEqual(whole);
  });

  it('begins with the one before, in the very same messages', async () => {
    const seen = await prompts([[user('u')], [calls('a', 'x', 'y'), result('y'), result('x')], [user('v')]]);

    for (const [at, { messages }] of seen.entries())
      expect(
        messages.slice(0, seen[at - 1]?.messages.length ?? 0).every((one, n) => one === seen[at - 1]?.messages[n]),
      ).toBe(true);
    expect([...(seen.at(-1)?.callIds ?? [])]).toEqual(['x', 'y']);
  });
});
