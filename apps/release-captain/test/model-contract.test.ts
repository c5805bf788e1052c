import { modelContract } from '@prusik/testing-contracts';
import { describe, it } from 'vitest';
import { createWording } from '../src/models.ts';
import { startScriptedChat } from './scripted-chat.ts';

describe('the adapter for servers that speak chat completions, over HTTP', () => {
  modelContract({
    test: it,
    async create(replies) {
      const server = await startScriptedChat(replies);
      const { model } = createWording({ model: 'openai-compatible:m', baseUrl: server.url }, {});
      return { model, remove: () => server[Symbol.asyncDispose]() };
    },
    // The protocol has no place for signatures.
    abilities: {
      toolInputs: true,
      reasoning: true,
      metadata: false,
      usageDetails: true,
      contentFilter: true,
      streamErrors: true,
    },
  });
});
