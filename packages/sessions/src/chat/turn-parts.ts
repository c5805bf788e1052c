import type { Decision, FileData, FilePart, Json, Message, ReasoningFilePart, Request, SourcePart } from '@prusik/core';
import type { UiFilePart, UiMessageChunk, UiTextPart } from './ui-types.ts';

/** What a user said, as it is shown. */
export function userParts({ content }: Message, addresses: ReadonlyMap<FileData, string>): (UiTextPart | UiFilePart)[] {
  return content.flatMap((part): (UiTextPart | UiFilePart)[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    const url = part.type === 'file' ? addresses.get(part.data) : undefined;
    if (part.type !== 'file' || url === undefined) return [];
    const { mediaType, name } = part;
    return [{ type: 'file', mediaType, url, ...(name === undefined ? {} : { filename: name }) }];
  });
}

/** A file that a client cannot get is told of all the same. */
export function filePart(
  { type, mediaType, data, ...part }: FilePart | ReasoningFilePart,
  addresses: ReadonlyMap<FileData, string>,
): UiMessageChunk {
  const url = addresses.get(data);
  if (url !== undefined) return { type, mediaType, url };
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
  if (url !== undefined) return { type: 'source-url', sourceId, url, ...(title === undefined ? {} : { title }) };
  const named = name === undefined ? {} : { filename: name };
  return { type: 'source-document', sourceId, mediaType, title: title ?? name ?? sourceId, ...named };
}

export const decided = ({ status, reason }: Decision): Json => ({
  status,
  ...(reason === undefined ? {} : { reason }),
});

/** The journal keeps the decision as the outcome of the wait. */
export function statusOf(value: Json | undefined): Decision['status'] {
  return (value as unknown as Pick<Decision, 'status'> | undefined)?.status ?? 'withdrawn';
}

/** A request that is no approval or result of a call of the turn: a question, a need of a tool, an intervention, or one of a run below. */
export function requestPart({ id, run, kind, body, schema, status }: Request): UiMessageChunk {
  const form = schema === undefined ? {} : { schema };
  const data = { run: run.run, request: id, kind, status, body, ...form };
  return { type: 'data-request', id: `${run.run}/${id}`, data };
}
