// An agent whose tool waits for a person, decided about in another process.
import assert from 'node:assert/strict';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const sent: string[] = [];
const mail = { send: async (to: string) => void sent.push(to) };
// Any model of an AI SDK provider fits here; this one plays a script.
const model = scriptedModel([{ call: 'send_mail', input: { to: 'ada@example.com', text: 'Hello' } }, 'Sent to Ada.']);
const store = memoryStore();
// #region usage
import { createEngine } from '@prusik/durable';
import { defineAgent, defineTool } from '@prusik/agents';
import { z } from 'zod';

const sendMail = defineTool({
  name: 'send_mail',
  description: 'Sends a mail.',
  input: z.object({ to: z.email(), text: z.string() }),
  effect: 'once', // begun and lost, it is in doubt, and never sent a second time
  approval: 'always',
  types: {} as { deps: { mail: { send(to: string, text: string): Promise<void> } } },
  execute: ({ to, text }, { deps }) => deps.mail.send(to, text),
});

const assistant = defineAgent({
  name: 'assistant',
  instructions: 'You answer mail.',
  model,
  tools: [sendMail],
});

const engine = createEngine({ store, definitions: [assistant], deps: () => ({ mail }) });
const waiting = await engine.run('assistant', 'Say hello to Ada', { id: 'hello-1' });

// A day later, in any process on the same store:
const [asked] = waiting.status === 'waiting' ? waiting.requests : [];
if (asked) await engine.decide(asked.run, asked.request, { status: 'approved', by: 'bob' });
const result = await engine.drive(waiting.run);
// #endregion usage
assert.deepEqual(sent, ['ada@example.com']);
assert.equal(result.status === 'completed' && result.output, 'Sent to Ada.');
await engine[Symbol.asyncDispose]();
