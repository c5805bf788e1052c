import { filesOf, type FileData, type FilePart, type Message, type ReasoningFilePart, type Store } from '@prusik/core';

/** Where a page gets a file; nothing where it gets it nowhere. */
export type FileAddress = (file: FilePart | ReasoningFilePart) => string | undefined | Promise<string | undefined>;

/** A file in the store that is larger is not put into a stream. */
const INLINE_LIMIT = 1_048_576;
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(?:; ?[\w.+-]{1,100}=[\w.+-]{1,100})*$/;

/** Files in the store as `data:` URLs, up to 1 MiB each. */
export function inlineFiles(store: Store, tenant: string): FileAddress {
  return async ({ data, mediaType }) => {
    if (!('blob' in data)) return undefined;
    const info = await store.blob(tenant, data.blob);
    if (info === undefined || info.size > INLINE_LIMIT) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of store.readBlob(tenant, data.blob)) pieces.push(piece);
    return dataUrl(mediaType, Buffer.concat(pieces).toString('base64'));
  };
}

/** The addresses of all files in these messages. */
export async function addressesOf(
  messages: readonly Message[],
  address: FileAddress,
): Promise<ReadonlyMap<FileData, string>> {
  const found = new Map<FileData, string>();
  for (const file of messages.flatMap(filesOf)) {
    const url = ownAddress(file) ?? (await address(file));
    if (url !== undefined) found.set(file.data, url);
  }
  return found;
}

/** Of a file that has its bytes, or its address, with it. */
function ownAddress({ data, mediaType }: FilePart | ReasoningFilePart): string | undefined {
  if ('url' in data) return isPageAddress(data.url) ? data.url : undefined;
  if ('base64' in data) return dataUrl(mediaType, data.base64);
  if ('text' in data) return dataUrl(mediaType, Buffer.from(data.text).toString('base64'));
  return undefined;
}

/** Whether a page may be given what a model or a tool has named as an address: one that shows something, never one that does something, as `javascript:`. */
export const isPageAddress = (url: string): boolean => /^(?:https?|data):/i.test(url);

/** What is no media type would end the type in the middle of the address, and the rest would be the content. */
const dataUrl = (mediaType: string, base64: string): string =>
  `data:${MEDIA_TYPE.test(mediaType) ? mediaType : 'application/octet-stream'};base64,${base64}`;
