import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sqliteStore } from '@prusik/store-sqlite';
import { scriptedModel } from '@prusik/testing-contracts';
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai';
import { expect, it, onTestFinished } from 'vitest';
import { defineHarness } from '../src/index.ts';
import { chatAgent } from './chat-agent.ts';
import { serveChat, TestChat, until } from './chat-support.ts';

const WORKER = fileURLToPath(new URL('fixtures/chat-worker.ts', import.meta.url));

it('EVT-4, EVT-6: a chat whose turns another process drives shows its text while it is said, and takes a decision there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'prusik-chat-'));
  const path = join(directory, 'store.db');
  const helper = chatAgent(scriptedModel([]));
  const harness = defineHarness({ store: sqliteStore({ path, pollMs: 20 }), agents: { helper } });
  const worker = spawn(process.execPath, ['--conditions=@prusik/source', WORKER, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    worker.kill('SIGKILL');
    await harness[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  await once(createInterface({ input: worker.stdout }), 'line');
  const { engine, sessions } = harness;
  const { url } = await serveChat({ engine, sessions, definition: helper, access: () => ({}), drive: false });
  const client = new TestChat({
    id: 'c1',
    transport: new DefaultChatTransport({ api: url }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });

  const sending = client.sendMessage({ text: 'Go' });
  await until(() => JSON.stringify(client.messages).includes('Half '), 10_000);
  worker.stdin.write('go\n');
  await sending;
  expect(client.lastMessage?.parts).toMatchObject([
    { type: 'step-start' },
    { type: 'text', text: 'Half of it. ' },
    { type: 'tool-publish', state: 'approval-requested' },
  ]);
  const part = client.lastMessage?.parts[2] as unknown as { approval: { id: string } };
  await client.addToolApprovalResponse({ id: part.approval.id, approved: true });
  await until(() => client.status === 'ready' && JSON.stringify(client.messages).includes('Done.'), 10_000);
  expect(client.lastMessage?.parts[2]).toMatchObject({ state: 'output-available', output: 'published x' });
}, 30_000);
