import { expect, it } from 'vitest';
import { namedModel } from '../src/provider-name.ts';

it.each([
  ['openai.responses/gpt-x', 'openai', 'gpt-x'],
  ['openai/gpt-x', 'openai', 'gpt-x'],
  ['anthropic.messages/claude-y', 'anthropic', 'claude-y'],
  ['google.generative-ai/gemini-z', 'gcp.gemini', 'gemini-z'],
  ['google.vertex.chat/gemini-z', 'gcp.vertex_ai', 'gemini-z'],
  ['amazon-bedrock/eu.anthropic.claude', 'aws.bedrock', 'eu.anthropic.claude'],
  ['azure.responses/mine', 'azure.ai.openai', 'mine'],
  ['mistral.chat/large', 'mistral_ai', 'large'],
  ['xai.chat/grok', 'x_ai', 'grok'],
  ['moonshotai.chat/kimi', 'moonshot_ai', 'kimi'],
  ['gateway/anthropic/claude-y', 'gateway', 'anthropic/claude-y'],
  ['our.own.proxy/m', 'our', 'm'],
  ['openairy/m', 'openairy', 'm'],
  ['no-provider', '_OTHER', 'no-provider'],
  ['', '_OTHER', ''],
])('TEL-1: the model %s is of %s and called %s', (name, provider, model) => {
  expect(namedModel(name)).toEqual({ provider, model });
});
