import {
  isPrusikError,
  putFiles,
  type FilePart,
  type MessagePart,
  type PutFile,
  type ReasoningFilePart,
  type TextPart,
} from '@prusik/core';

/** What a file can be wrong with for good. What it came with has been paid for, or has happened: it must not be lost with the file. */
const FOR_GOOD: ReadonlySet<string> = new Set(['BLOB_TOO_LARGE', 'STORE_FULL', 'FILE_INVALID']);

/** The file as a record names it; one that cannot be kept becomes a line that says so. */
export async function keptFile<Part extends FilePart | ReasoningFilePart>(
  part: Part,
  putBlob: PutFile,
): Promise<Part | TextPart> {
  try {
    const [kept = part] = await putFiles<Part>([part], putBlob);
    return kept;
  } catch (error) {
    if (!isPrusikError(error) || !FOR_GOOD.has(error.code)) throw error;
    return leftOut(part, error.code);
  }
}

export function leftOut(part: FilePart | ReasoningFilePart, code: string): TextPart {
  const name = part.type === 'file' ? part.name : undefined;
  return { type: 'text', text: `[The file ${name ?? part.mediaType} was left out: ${code}]` };
}

/** The parts of a model's reply with the bytes of its files put away. */
export function keptParts(
  parts: readonly MessagePart[],
  putBlob: PutFile,
): readonly MessagePart[] | Promise<readonly MessagePart[]> {
  return parts.some(isFile) ? eachKept(parts, putBlob) : parts;
}

async function eachKept(parts: readonly MessagePart[], putBlob: PutFile): Promise<readonly MessagePart[]> {
  const kept: MessagePart[] = [];
  for (const part of parts) kept.push(isFile(part) ? await keptFile(part, putBlob) : part);
  return kept;
}

const isFile = (part: MessagePart): part is FilePart | ReasoningFilePart =>
  part.type === 'file' || part.type === 'reasoning-file';
