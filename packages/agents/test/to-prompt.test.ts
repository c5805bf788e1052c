import { expect, it } from 'vitest';
import { toModelMessages } from '../src/to-model-messages.ts';
import { toPrompt } from '../src/to-prompt.ts';
import { resultOf, toolMessage } from '../src/stored-messages.ts';

const result = (callId: string) =>
  toolMessage(`m-${callId}`, resultOf({ callId, tool: 'look' }, { type: 'text', text: callId }));

it('AGT-3: the results of one round are one message to the model, in every step the same', () => {
  const messages = toModelMessages([result('c1'), result('c2'), result('c3')], 'acme');

  const prompts = [toPrompt('Be brief.', messages), toPrompt('Be brief.', messages)];

  expect(prompts[0]).toEqual([
    { role: 'system', content: 'Be brief.' },
    {
      role: 'tool',
      content: ['c1', 'c2', 'c3'].map((toolCallId) => ({
        type: 'tool-result',
        toolCallId,
        toolName: 'look',
        output: { type: 'text', value: toolCallId },
      })),
    },
  ]);
  expect(prompts[1]).toEqual(prompts[0]);
});

it('SES-12: what a prompt has no place for is left out, and with it a message of which nothing is left', () => {
  const prompt = toPrompt('', [
    { role: 'user', content: [{ type: 'text', text: '' }] },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: '', providerOptions: { acme: { mark: 1 } } },
        { type: 'tool-approval-request', approvalId: 'a', toolCallId: 'c' },
      ],
    },
    { role: 'tool', content: [{ type: 'tool-approval-response', approvalId: 'a', approved: true }] },
  ]);

  expect(prompt).toEqual([
    { role: 'assistant', content: [{ type: 'text', text: '', providerOptions: { acme: { mark: 1 } } }] },
  ]);
});
