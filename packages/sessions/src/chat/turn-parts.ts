import type { Decision, FileData, FilePart, Json, Message, ReasoningFilePart, Request, SourcePart } from '@prusik/core';
import { isPageAddress } from './file-address.ts';
import type { UiFileData, UiFilePart, UiMessageChunk, UiTextPart } from './ui-types.ts';

/** What a user said, as it is shown. */
export function userParts(
  { content }: Message,
  addresses: ReadonlyMap<FileData, string>,
): (UiTextPart | UiFilePart | UiFileData)[] {
  return content.flatMap((part): (UiTextPart | UiFilePart | UiFileData)[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    if (part.type !== 'file') return [];
    const { mediaType, name } = part;
    const url = addresses.get(part.data);
    if (url === undefined) return [fileWithoutAddress(part)];
    return [{ type: 'file', mediaType, url, ...(name === undefined ? {} : { filename: name }) }];
  });
}

export function filePart(part: FilePart | ReasoningFilePart, addresses: ReadonlyMap<FileData, string>): UiMessageChunk {
  const { type, mediaType, data } = part;
  const url = addresses.get(data);
  return url === undefined ? fileWithoutAddress(part) : { type, mediaType, url };
}

/** A file that a client cannot get is told of all the same. */
function fileWithoutAddress({ mediaType, ...part }: FilePart | ReasoningFilePart): UiFileData {
  const name = 'name' in part && part.name !== undefined ? { filename: part.name } : {};
  return { type: 'data-file', data: { mediaType, ...name } };
}

export function sourcePart({
  id: sourceId,
  url,
  title,
  mediaType = 'application/octet-stream',
  name,
}: SourcePart): UiMessageChunk {
  if (url !== undefined && isPageAddress(url))
    return { type: 'source-url', sourceId, url, ...(title === undefined ? {} : { title }) };
  const named = name === undefined ? {} : { filename: name };
  return { type: 'source-document', sourceId, mediaType, title: title ?? name ?? sourceId, ...named };
}

export const decided = ({ status, reason }: Decision): Json => ({
  status,
  ...(reason === undefined ? {} : { reason }),
});

/** The journal keeps the decision as the outcome of the wait. Without one nobody decided. */
export const decisionIn = (value: Json | undefined): Pick<Decision, 'status' | 'reason'> => ({
  status: 'withdrawn',
  ...(value as unknown as Partial<Decision> | undefined),
});

/** A request that is no approval or result of a call of the turn: a question, a need of a tool, an intervention, or one of a run below. */
export function requestPart({ id, run, kind, body, schema, status }: Request): UiMessageChunk {
  const form = schema === undefined ? {} : { schema };
  const data = { run: run.run, request: id, kind, status, body, ...form };
  return { type: 'data-request', id: `${run.run}/${id}`, data };
}
