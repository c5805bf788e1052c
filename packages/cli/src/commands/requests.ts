import { DECISIONS_OF, type Request, type RequestKind, type RequestStatus } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { LIST_OPTIONS, pagingOf, tellNext } from '../list-options.ts';
import { timeText } from '../tell.ts';
import { wordsOf } from '../values.ts';
import { requestShown } from '../without-content.ts';

const KINDS = Object.keys(DECISIONS_OF) as readonly RequestKind[];
const STATUSES: readonly RequestStatus[] = [
  'open',
  'approved',
  'edited',
  'rejected',
  'answered',
  'expired',
  'withdrawn',
];

export const requests: Command = {
  summary: 'List what people are asked, oldest first',
  operands: [],
  options: {
    status: { type: 'string', multiple: true, value: 'STATUS', help: `${STATUSES.join(', ')} (default: open)` },
    kind: { type: 'string', multiple: true, value: 'KIND', help: KINDS.join(', ') },
    run: { type: 'string', value: 'RUN', help: 'only of this run' },
    root: { type: 'string', value: 'RUN', help: 'only of this tree' },
    session: { type: 'string', value: 'ID', help: 'only of this session' },
    newest: { type: 'boolean', help: 'newest first' },
    content: { type: 'boolean', help: 'with what is asked, and what was answered' },
    ...LIST_OPTIONS,
  },
  async run(call) {
    const { values, tell, tenant } = call;
    const kind = wordsOf(values, 'kind', KINDS);
    const named = ['run', 'root', 'session'].flatMap((name) => {
      const value = values.text(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const page = await call.open().store.listRequests({
      tenant,
      ...pagingOf(call),
      status: wordsOf(values, 'status', STATUSES) ?? ['open'],
      ...Object.fromEntries(named),
      ...(kind === undefined ? {} : { kind }),
      ...(values.has('newest') ? { order: 'newest' as const } : {}),
    });
    const content = values.has('content');
    tell.rows('request', content ? page.items : page.items.map(withoutContent), {
      columns: ['run', 'request', 'kind', 'status', 'opened', 'about'],
      cells: (request) => requestCells(request, content),
      none: 'No such request.',
    });
    tellNext(call, page);
    return EXIT.ok;
  },
};

/** What may be shown of a request without showing what was asked or said: that is content. */
export interface RequestShown extends Pick<Request, 'run' | 'id' | 'kind' | 'status' | 'openedAt' | 'definition'> {
  readonly body?: Request['body'];
  readonly tool?: string;
  readonly by?: string;
}

export function withoutContent(request: Request): RequestShown {
  const { run, id, kind, status, openedAt, definition, body, decision } = request;
  const tool = toolOf(body);
  return {
    ...requestShown(request),
    run,
    id,
    kind,
    status,
    openedAt,
    definition,
    ...(tool === undefined ? {} : { tool }),
    ...(decision?.by === undefined ? {} : { by: decision.by }),
  };
}

export function requestCells(request: RequestShown, content: boolean): readonly (string | undefined)[] {
  const { run, id, kind, status, openedAt, definition, body } = request;
  const about = content && body !== undefined ? JSON.stringify(body) : (request.tool ?? toolOf(body) ?? definition);
  return [run.run, id, kind, status, timeText(openedAt), about];
}

function toolOf(body: unknown): string | undefined {
  const { tool } = (typeof body === 'object' && body !== null ? body : {}) as { readonly tool?: unknown };
  return typeof tool === 'string' ? tool : undefined;
}
