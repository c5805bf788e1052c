import type { LanguageModelObject } from '../src/index.ts';

const tokens = (total?: number): object => ({ total, noCache: undefined, cacheRead: undefined, cacheWrite: undefined });

export const text = (said: string, id: string = '0'): readonly object[] => [
  { type: 'text-start', id },
  { type: 'text-delta', id, delta: said },
  { type: 'text-end', id },
];

export const finish = (unified: string = 'stop', input?: number, output?: number): object => ({
  type: 'finish',
  finishReason: { unified, raw: unified },
  usage: { inputTokens: tokens(input), outputTokens: tokens(output) },
});

/** What a model was asked, and a way to see whether the body of its reply was cancelled. */
export interface Asked {
  readonly options: Parameters<Exclude<LanguageModelObject, { specificationVersion: 'v2' | 'v3' }>['doStream']>[0];
  cancelled: unknown;
}

/**
 * A provider that says exactly these chunks, one list a call; the last one again and again. What is thrown from a list's place rejects the call.
 * A list without a `finish` leaves its stream open, as one that hangs does, and so does a `finish` that `stays`; `end` closes it.
 */
export function streamModel(
  name: string,
  replies: readonly (readonly object[] | Error)[],
): LanguageModelObject & { readonly asked: Asked[] } {
  const [provider = '', modelId = ''] = name.split(':');
  const asked: Asked[] = [];
  return {
    specificationVersion: 'v4',
    provider,
    modelId,
    supportedUrls: {},
    asked,
    doGenerate: () => Promise.reject(new Error('not used')),
    async doStream(options) {
      const call: Asked = { options, cancelled: undefined };
      asked.push(call);
      const chunks = replies[Math.min(asked.length, replies.length) - 1] ?? [];
      if (chunks instanceof Error) throw chunks;
      const left = [...chunks];
      return {
        stream: new ReadableStream({
          pull(controller) {
            const chunk = left.shift();
            // Nothing more comes, and it does not end.
            if (chunk === undefined) return new Promise<void>(() => {});
            if ('fail' in chunk) return controller.error(chunk.fail);
            if ('end' in chunk) return controller.close();
            controller.enqueue(chunk as never);
            if ('type' in chunk && chunk.type === 'finish' && !('stays' in chunk)) controller.close();
          },
          cancel(reason) {
            call.cancelled = reason ?? true;
          },
        }),
      };
    },
  } as LanguageModelObject & { readonly asked: Asked[] };
}

/** As the AI SDK's providers throw it. */
export const httpError = (statusCode: number, more: object = {}): Error =>
  Object.assign(new Error(`HTTP ${statusCode}`), {
    name: 'AI_APICallError',
    statusCode,
    isRetryable: statusCode === 429 || statusCode >= 500,
    ...more,
  });
