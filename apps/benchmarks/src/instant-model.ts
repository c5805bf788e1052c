import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Content } from '@ai-sdk/provider';

const usage = {
  inputTokens: { total: 10, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 10, text: undefined, reasoning: undefined },
};

/** Asks for `calls` calls of one tool, one a reply, then says that it is done. It takes no time, and remembers nothing: all is in the prompt. */
export function instantModel(calls: number, toolName = 'add'): LanguageModelV4 {
  function reply({ prompt }: LanguageModelV4CallOptions) {
    const made = prompt.filter(({ role }) => role === 'tool').length;
    const content: LanguageModelV4Content =
      made < calls
        ? { type: 'tool-call', toolCallId: `call-${made}`, toolName, input: `{"a":${made},"b":1}` }
        : { type: 'text', text: 'done' };
    const unified: 'tool-calls' | 'stop' = made < calls ? 'tool-calls' : 'stop';
    return { content, finishReason: { unified, raw: undefined } };
  }

  return {
    specificationVersion: 'v4',
    provider: 'instant',
    modelId: 'instant',
    supportedUrls: {},
    async doGenerate(options) {
      const { content, finishReason } = reply(options);
      return { content: [content], finishReason, usage, warnings: [] };
    },
    async doStream(options) {
      const { content, finishReason } = reply(options);
      const stream: Awaited<ReturnType<LanguageModelV4['doStream']>>['stream'] = new ReadableStream({
        start(controller) {
          controller.enqueue({ type: 'stream-start', warnings: [] });
          if (content.type === 'text') {
            controller.enqueue({ type: 'text-start', id: '0' });
            controller.enqueue({ type: 'text-delta', id: '0', delta: content.text });
            controller.enqueue({ type: 'text-end', id: '0' });
          } else {
            controller.enqueue(content as Extract<LanguageModelV4Content, { type: 'tool-call' }>);
          }
          controller.enqueue({ type: 'finish', finishReason, usage });
          controller.close();
        },
      });
      return { stream };
    },
  };
}
