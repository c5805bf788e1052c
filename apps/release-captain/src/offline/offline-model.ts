import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import type { Answer } from './answer.ts';
import { readConversation, type Conversation } from './conversation.ts';
import { historian } from './historian.ts';
import { writer } from './writer.ts';

/** For the last line of the notes. */
export const OFFLINE_NOTICE =
  'Written by the offline rule-based model of release-captain: every sentence is taken from commit messages, paths and diffs by fixed rules; no language model was asked.';

/**
 * A language model made of rules: it calls tools and answers by what the commits say, and by nothing else. It keeps no
 * state, reaches no network and gives the same answer to the same prompt. Tokens are counted as a quarter of the characters.
 */
export function createOfflineModel(): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'release-captain',
    modelId: 'offline',
    supportedUrls: {},
    // oxlint-disable-next-line require-await -- a rule that throws must reject, as a provider would
    async doGenerate(options) {
      const { content, finishReason, usage } = respond(options);
      return { content, finishReason, usage, warnings: [] };
    },
    // oxlint-disable-next-line require-await -- as above
    async doStream(options) {
      const parts = streamParts(respond(options));
      return { stream: ReadableStream.from(parts) as ReadableStream<LanguageModelV4StreamPart> };
    },
  };
}

interface Response {
  readonly content: LanguageModelV4Content[];
  readonly finishReason: LanguageModelV4FinishReason;
  readonly usage: LanguageModelV4Usage;
}

function respond({ prompt, tools, abortSignal }: LanguageModelV4CallOptions): Response {
  abortSignal?.throwIfAborted();
  const conversation = readConversation(prompt);
  const answer = chooseRole(tools)(conversation);
  const content = contentOf(answer, conversation.calls.length);
  const unified = 'calls' in answer ? 'tool-calls' : 'stop';
  return {
    content,
    finishReason: { unified, raw: unified },
    usage: usageOf(JSON.stringify(prompt), JSON.stringify(content)),
  };
}

function chooseRole(tools: LanguageModelV4CallOptions['tools']): (conversation: Conversation) => Answer {
  const names = new Set((tools ?? []).map(({ name }) => name));
  if (names.has('list_commits')) return historian;
  if (names.has('read_commits')) return writer;
  throw new Error('The offline model knows only how to be a historian (list_commits) or a writer (read_commits)');
}

function contentOf(answer: Answer, callsBefore: number): LanguageModelV4Content[] {
  if ('json' in answer) return [{ type: 'text', text: JSON.stringify(answer.json) }];
  return answer.calls.map(({ tool, input }, index) => ({
    type: 'tool-call',
    // Unique within the conversation and a function of it.
    toolCallId: `call-${callsBefore + index + 1}`,
    toolName: tool,
    input: JSON.stringify(input),
  }));
}

function* streamParts({ content, finishReason, usage }: Response): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: [] };
  for (const [index, part] of content.entries()) {
    if (part.type === 'text') {
      const id = `text-${index}`;
      yield { type: 'text-start', id };
      yield { type: 'text-delta', id, delta: part.text };
      yield { type: 'text-end', id };
    } else if (part.type === 'tool-call') yield part;
  }
  yield { type: 'finish', finishReason, usage };
}

function usageOf(input: string, output: string): LanguageModelV4Usage {
  const [read, written] = [Math.ceil(input.length / 4), Math.ceil(output.length / 4)];
  return {
    inputTokens: { total: read, noCache: read, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: written, text: written, reasoning: undefined },
  };
}
