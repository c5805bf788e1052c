import { isPrusikError, PrusikError } from './errors.ts';
import {
  fileBlobsOf,
  type FileData,
  type FilePart,
  type Message,
  type MessagePart,
  type ReasoningFilePart,
} from './message.ts';

/** Keeps bytes and says their hash. */
export type PutFile = (body: Uint8Array | AsyncIterable<Uint8Array>) => Promise<{ readonly hash: string }>;

/** Files of one prompt, in bytes: more is no request that a provider takes. */
export const PROMPT_FILES_LIMIT: number = 64 * 1_048_576;

/** Characters of base64 that are decoded at once; a multiple of four. */
const PIECE = 262_144;

/**
 * The same parts with bytes that stand in them (base64, `data:` URLs) put away, so that what is stored only names them. What names its bytes already
 * stays as it is; without anything to put the same list comes back.
 *
 * @throws {PrusikError} `FILE_INVALID` for what is not base64; whatever `put` rejects with, such as `BLOB_TOO_LARGE`.
 */
export async function putFiles<Part extends MessagePart>(
  parts: readonly Part[],
  put: PutFile,
): Promise<readonly Part[]> {
  if (!parts.some(hasBytes)) return parts;
  return Promise.all(parts.map((part) => (hasBytes(part) ? putPart(part, put) : part))) as Promise<readonly Part[]>;
}

/** {@link putFiles} of whole messages. */
export async function putMessageFiles(messages: readonly Message[], put: PutFile): Promise<readonly Message[]> {
  return Promise.all(
    messages.map(async (message) => {
      const content = await putFiles(message.content, put);
      return content === message.content ? message : { ...message, content };
    }),
  );
}

/**
 * The bytes of every blob that the messages name, by hash. What `have` holds is not read again.
 *
 * @throws {PrusikError} `PROMPT_FILES_TOO_LARGE` past `maxBytes` in all; `FILE_MISSING` for a blob that is gone; what `read` rejects with.
 */
export async function loadFiles(
  messages: readonly Pick<Message, 'content'>[],
  read: (hash: string) => AsyncIterable<Uint8Array>,
  { have = new Map(), maxBytes = PROMPT_FILES_LIMIT }: LoadFilesOptions = {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let size = 0;
  const grow = (bytes: number): void => {
    size += bytes;
    if (size <= maxBytes) return;
    throw new PrusikError('PROMPT_FILES_TOO_LARGE', `The files of the prompt have more than ${maxBytes} bytes`, {
      meta: { maxBytes },
    });
  };
  // One after the other: together they may be as large as the limit.
  for (const hash of new Set(messages.flatMap(fileBlobsOf))) {
    const known = have.get(hash);
    if (known !== undefined) grow(known.byteLength);
    files.set(hash, known ?? (await readFile(hash, read, grow)));
  }
  return files;
}

/** How files are loaded. */
export interface LoadFilesOptions {
  /** Bytes that are there already, by hash. */
  readonly have?: ReadonlyMap<string, Uint8Array>;
  /** In all. @default 67_108_864 */
  readonly maxBytes?: number;
}

async function readFile(
  hash: string,
  read: (hash: string) => AsyncIterable<Uint8Array>,
  grow: (bytes: number) => void,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of read(hash)) {
      grow(piece.byteLength);
      pieces.push(piece);
    }
  } catch (cause) {
    if (!isPrusikError(cause, 'BLOB_UNKNOWN')) throw cause;
    throw new PrusikError('FILE_MISSING', `A message names the file ${hash}, which is not there`, {
      cause,
      meta: { hash },
    });
  }
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}

const hasBytes = (part: MessagePart): boolean => {
  if (part.type === 'file' || part.type === 'reasoning-file') return inlineBytes(part.data) !== undefined;
  return part.type === 'tool-result' && part.output.type === 'content' && part.output.parts.some(isInlineFile);
};

const isInlineFile = (part: { readonly type: string; readonly data?: FileData }): boolean =>
  part.type === 'file' && part.data !== undefined && inlineBytes(part.data) !== undefined;

async function putPart(part: MessagePart, put: PutFile): Promise<MessagePart> {
  if (part.type === 'file' || part.type === 'reasoning-file') return putFile(part, put);
  if (part.type !== 'tool-result' || part.output.type !== 'content') return part;
  const { output } = part;
  const parts = await Promise.all(
    output.parts.map((one) => (one.type === 'file' && isInlineFile(one) ? putFile(one, put) : one)),
  );
  return { ...part, output: { ...output, parts } };
}

async function putFile<Part extends FilePart | ReasoningFilePart>(part: Part, put: PutFile): Promise<Part> {
  const { body, mediaType } = inlineBytes(part.data) ?? {};
  if (body === undefined) return part;
  const { hash } = await put({ [Symbol.asyncIterator]: () => decoded(body) });
  return { ...part, mediaType: part.mediaType === '' ? (mediaType ?? '') : part.mediaType, data: { blob: hash } };
}

/** The base64 text of a file that has its bytes with it. */
function inlineBytes(data: FileData): { readonly body: string; readonly mediaType?: string } | undefined {
  if ('base64' in data) return { body: data.base64 };
  if (!('url' in data) || !data.url.startsWith('data:')) return undefined;
  const comma = data.url.indexOf(',');
  const head = data.url.slice(5, comma);
  // One that is percent-encoded text is small, and providers take it as it is.
  if (comma < 0 || !head.endsWith(';base64')) return undefined;
  return { body: data.url.slice(comma + 1), mediaType: head.slice(0, -';base64'.length) };
}

/** In pieces: a blob may have more bytes than a turn of the event loop should take, and more than it may have are not decoded. */
async function* decoded(base64: string): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < base64.length; from += PIECE) {
    const piece = base64.slice(from, from + PIECE);
    const last = from + PIECE >= base64.length;
    if (!(last ? LAST_PIECE : FULL_PIECE).test(piece))
      throw new PrusikError('FILE_INVALID', 'The bytes of a file are not base64');
    yield Buffer.from(piece, 'base64');
  }
}

const FULL_PIECE = /^[\w+/-]*$/;
const LAST_PIECE = /^[\w+/-]*={0,2}$/;
