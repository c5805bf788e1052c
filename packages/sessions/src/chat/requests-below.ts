import type { Entry, Request } from '@prusik/core';
import { decisionIn, requestPart } from './turn-parts.ts';
import type { UiMessageChunk } from './ui-types.ts';

/** What runs below a turn ask, told in that turn: each request when it is opened, and once more for each way in which it stands then. */
export interface RequestsBelow {
  tell(request: Request): readonly UiMessageChunk[];
  /** An entry of a run below, and the request that it opened. */
  read(run: string, entry: Entry, request: Request | undefined): readonly UiMessageChunk[];
}

export function createRequestsBelow(): RequestsBelow {
  /** By run and by their keys there. */
  const asked = new Map<string, Request>();
  /** How they stood when the client was told. */
  const told = new Map<string, Request['status']>();

  function tell(request: Request): readonly UiMessageChunk[] {
    const name = `${request.run.run}/${request.id}`;
    if (told.get(name) === request.status) return [];
    told.set(name, request.status);
    return [requestPart(request)];
  }

  function read(run: string, entry: Entry, request: Request | undefined): readonly UiMessageChunk[] {
    if (request !== undefined && (entry.type === 'wait-start' || entry.type === 'run-block')) {
      asked.set(`${run}/${entry.type === 'wait-start' ? entry.key : request.id}`, request);
      return tell(request);
    }
    if (entry.type === 'run-end') {
      const open = [...asked].filter(([, { run: of }]) => of.run === run);
      for (const [key] of open) asked.delete(key);
      return open.flatMap(([, one]) => tell({ ...one, status: 'withdrawn' }));
    }
    if (entry.type !== 'wait-end' && entry.type !== 'run-unblock') return [];
    const key = `${run}/${entry.type === 'wait-end' ? entry.key : entry.request}`;
    const known = asked.get(key);
    if (known === undefined) return [];
    asked.delete(key);
    const status = entry.type === 'wait-end' && entry.outcome.ok ? decisionIn(entry.outcome.value).status : 'answered';
    return tell({ ...known, status });
  }

  return { tell, read };
}
