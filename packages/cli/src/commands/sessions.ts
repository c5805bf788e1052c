import { SESSION_LIVES } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { LIST_OPTIONS, pagingOf, tellNext } from '../list-options.ts';
import { timeText } from '../tell.ts';
import { momentOf, wordsOf } from '../values.ts';

export const sessions: Command = {
  summary: 'List sessions, newest first',
  operands: [],
  options: {
    state: { type: 'string', multiple: true, value: 'STATE', help: SESSION_LIVES.join(', ') },
    since: { type: 'string', value: 'WHEN', help: 'created from then on: 2026-11-28, or 2h ago as 2h' },
    before: { type: 'string', value: 'WHEN', help: 'created before then' },
    oldest: { type: 'boolean', help: 'oldest first' },
    ...LIST_OPTIONS,
  },
  async run(call) {
    const { values, tell, tenant } = call;
    const now = Date.now();
    const state = wordsOf(values, 'state', SESSION_LIVES);
    const since = momentOf(values, 'since', now);
    const before = momentOf(values, 'before', now);
    const page = await call.open().store.listSessions({
      tenant,
      ...pagingOf(call),
      ...(state === undefined ? {} : { state }),
      ...(since === undefined ? {} : { since }),
      ...(before === undefined ? {} : { before }),
      ...(values.has('oldest') ? { order: 'oldest' as const } : {}),
    });
    tell.rows('session', page.items, {
      columns: ['session', 'state', 'created', 'queue', 'active run'],
      cells: ({ key, state: life, createdAt, queue, activeRun }) => [
        key.session,
        life,
        timeText(createdAt),
        queue.length,
        activeRun,
      ],
      none: 'No such session.',
    });
    tellNext(call, page);
    return EXIT.ok;
  },
};
