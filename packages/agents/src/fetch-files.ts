import type { FileData, MessagePart } from '@prusik/core';
import type { Experimental_DownloadFunction as DownloadFunction } from 'ai';
import type { LanguageModelV4, ModelPrompt } from './language-model.ts';

/** Loads what a prompt or a reply names by address. As in the AI SDK: `null` hands the address to the model as it is. */
export type DownloadFiles = DownloadFunction;

type PromptFile = Extract<
  Extract<ModelPrompt[number], { readonly role: 'user' }>['content'][number],
  { readonly type: 'file' }
>;
type PromptPart = Exclude<ModelPrompt[number], { readonly role: 'system' }>['content'][number];
type Fetched = Awaited<ReturnType<DownloadFiles>>[number];

/** The prompt with the bytes of what it names by address, where `download` has them. Asked once, about all of them. */
export async function fetchPromptFiles(
  prompt: ModelPrompt,
  { supportedUrls }: Pick<LanguageModelV4, 'supportedUrls'>,
  download: DownloadFiles,
  abortSignal: AbortSignal,
): Promise<ModelPrompt> {
  const named: { readonly url: URL; readonly mediaType: string }[] = [];
  eachFile(prompt, (file) => {
    if (file.data.type === 'url') named.push({ url: file.data.url, mediaType: file.mediaType });
    return file;
  });
  if (named.length === 0) return prompt;
  const supported = await supportedUrls;
  const files = await download(
    named.map(({ url, mediaType }) => ({
      url,
      isUrlSupportedByModel: isSupported(url, mediaType, supported),
      abortSignal,
    })),
  );
  const byAddress = new Map<string, Fetched>(named.map(({ url }, index) => [url.href, files[index] ?? null]));
  return eachFile(prompt, (file) => {
    const fetched = file.data.type === 'url' ? byAddress.get(file.data.url.href) : undefined;
    if (fetched === undefined || fetched === null) return file;
    const mediaType = file.mediaType.includes('/') ? file.mediaType : (fetched.mediaType ?? file.mediaType);
    return { ...file, mediaType, data: { type: 'data', data: fetched.data } };
  });
}

/** The same for the files that a model made. */
export async function fetchReplyFiles(
  parts: readonly MessagePart[],
  download: DownloadFiles,
  abortSignal: AbortSignal,
): Promise<readonly MessagePart[]> {
  const addressOf = (part: MessagePart): string | undefined =>
    (part.type === 'file' || part.type === 'reasoning-file') && 'url' in part.data ? part.data.url : undefined;
  const named = [...new Set(parts.flatMap((part) => addressOf(part) ?? []))];
  if (named.length === 0) return parts;
  const files = await download(
    named.map((address) => ({ url: new URL(address), isUrlSupportedByModel: false, abortSignal })),
  );
  const byAddress = new Map<string, Fetched>(named.map((address, index) => [address, files[index] ?? null]));
  return parts.map((part) => {
    const fetched = byAddress.get(addressOf(part) ?? '');
    if (fetched === undefined || fetched === null) return part;
    const data: FileData = { base64: Buffer.from(fetched.data).toString('base64') };
    return { ...part, data } as MessagePart;
  });
}

/** The prompt with each of its files as `look` gives it. */
function eachFile(prompt: ModelPrompt, look: (file: PromptFile) => PromptFile): ModelPrompt {
  const part = (one: PromptPart): PromptPart => {
    if (one.type === 'file') return look(one);
    if (one.type !== 'tool-result' || one.output.type !== 'content') return one;
    const value = one.output.value.map((inner) => (inner.type === 'file' ? look(inner) : inner));
    return { ...one, output: { ...one.output, value } };
  };
  return prompt.map((message) =>
    message.role === 'system' ? message : ({ ...message, content: message.content.map(part) } as ModelPrompt[number]),
  );
}

/** By the patterns that a model gives for media types: `image/png`, `image/*`, `*`. */
function isSupported(url: URL, mediaType: string, supported: Readonly<Record<string, readonly RegExp[]>>): boolean {
  const wanted = mediaType.toLowerCase();
  return Object.entries(supported).some(([type, patterns]) => {
    const group = type.toLowerCase().replace('*/*', '*').replace('*', '');
    const fits = group.endsWith('/') || group === '' ? `${wanted}/`.startsWith(group) : wanted === group;
    return (
      fits && patterns.some((pattern) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(url.href))
    );
  });
}
