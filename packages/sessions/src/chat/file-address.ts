import { filesOf, type FileData, type FilePart, type Message, type ReasoningFilePart, type Store } from '@prusik/core';

/** Where a page gets a file; nothing where it gets it nowhere. */
export type FileAddress = (file: FilePart | ReasoningFilePart) => string | undefined | Promise<string | undefined>;

/** A file in the store that is larger is not put into a stream. */
const INLINE_LIMIT = 1_048_576;

/** Files in the store as `data:` URLs, up to 1 MiB each. */
export function inlineFiles(store: Store, tenant: string): FileAddress {
  return async ({ data, mediaType }) => {
    if (!('blob' in data)) return undefined;
    const info = await store.blob(tenant, data.blob);
    if (info === undefined || info.size > INLINE_LIMIT) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of store.readBlob(tenant, data.blob)) pieces.push(piece);
    return `data:${mediaType};base64,${Buffer.concat(pieces).toString('base64')}`;
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
  if ('url' in data) return data.url;
  if ('base64' in data) return `data:${mediaType};base64,${data.base64}`;
  if ('text' in data) return `data:${mediaType};base64,${Buffer.from(data.text).toString('base64')}`;
  return undefined;
}
