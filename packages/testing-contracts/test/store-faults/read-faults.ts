import { PAGE_LIMIT, type Page, type RunQuery, type StoreReads } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const listing = (name: string, caughtBy: string, change: (query: RunQuery) => RunQuery): StoreFault =>
  rows(name, caughtBy, ({ listRuns }) => ({ listRuns: (query) => listRuns(change(query)) }));

/** Cursors that count from the beginning, so that what is added in front shifts every page. */
function byOffset<T, Q extends { readonly after?: string; readonly limit: number }>(
  list: (query: Q) => Page<T>,
): (query: Q) => Page<T> {
  return ({ after, ...query }) => {
    const offset = Number(after?.split('_')[1] ?? 0);
    const { items } = list({ ...query, limit: offset + query.limit + 1 } as Q);
    const shown = items.slice(offset, offset + query.limit);
    return { items: shown, ...(items.length > offset + query.limit ? { next: `0_${offset + query.limit}` } : {}) };
  };
}

const ignoring = (field: 'status' | 'definition' | 'session' | 'root' | 'parent') =>
  listing(`the filter ${field} is ignored`, 'listRuns() filters by status', (query) => without(query, field));

const ignoringRequest = (
  field: 'status' | 'kind' | 'run' | 'root' | 'session' | 'definition' | 'by',
  caughtBy = 'listRequests() shows a tenant’s requests',
): StoreFault =>
  rows(`the filter ${field} of requests is ignored`, caughtBy, ({ listRequests }) => ({
    listRequests: (query) => listRequests(without(query, field)),
  }));

const reversed =
  (reads: StoreReads['listRuns']): StoreReads['listRuns'] =>
  (query) => {
    const page = reads(query);
    return { ...page, items: page.items.toReversed() };
  };

export const READ_FAULTS: readonly StoreFault[] = [
  rows('messages are numbered from 0', 'messages are numbered from 1', ({ appendMessages }) => ({
    appendMessages: (thread, from, messages) => appendMessages(thread, from - 1, messages),
  })),
  port('messages land where there is room', 'a commit that counts on another number', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      if (answer.outcome !== 'refused' || answer.code !== 'THREAD_MOVED' || commit.messages === undefined)
        return answer;
      const head = await store.threadHead({ tenant: commit.run.tenant, of: 'run', id: commit.run.run });
      return store.commit({ ...commit, messages: { ...commit.messages, from: head + 1 } });
    },
  })),
  rows('a page before a number is the first one', 'pages after a number go up', ({ messages }) => ({
    messages: (thread, page) =>
      'before' in page
        ? messages(thread, { after: 0, limit: page.limit }).filter(({ n }) => n < page.before)
        : messages(thread, page),
  })),
  rows('an unknown thread has a message', 'a thread that nobody wrote is empty', ({ threadHead }) => ({
    threadHead: (thread) => threadHead(thread) + (thread.id === 'nobody' ? 1 : 0),
  })),
  rows('a run and a session of one name share a thread', 'the thread of a run, of a session', (tables) => ({
    appendMessages: (thread, from, messages) => tables.appendMessages({ ...thread, of: 'run' }, from, messages),
    messages: (thread, page) => tables.messages({ ...thread, of: 'run' }, page),
    threadHead: (thread) => tables.threadHead({ ...thread, of: 'run' }),
  })),
  rows('runs are shown oldest first', 'listRuns() shows a tenant’s runs as run() does', ({ listRuns }) => ({
    listRuns: reversed(listRuns),
  })),
  ignoring('status'),
  ignoring('definition'),
  ignoring('session'),
  ignoring('root'),
  ignoring('parent'),
  listing(
    'only the first of several definitions counts',
    'listRuns() filters by status',
    ({ definition, ...query }) => ({
      ...query,
      ...(definition === undefined ? {} : { definition: definition.slice(0, 1) }),
    }),
  ),
  rows('cursors of runs count from the newest', 'pages of runs join without a gap', ({ listRuns }) => ({
    listRuns: byOffset(listRuns),
  })),
  rows('a full page always has a next', 'a last page that is full has no next', ({ listRuns }) => ({
    listRuns(query) {
      const page = listRuns(query);
      return page.items.length === query.limit ? { next: '1', ...page } : page;
    },
  })),
  ignoringRequest('status'),
  ignoringRequest('kind'),
  ignoringRequest('run'),
  ignoringRequest('root'),
  ignoringRequest('session', 'listRequests() filters by the session'),
  ignoringRequest('definition', 'listRequests() filters by the session'),
  ignoringRequest('by', 'listRequests() filters by the session'),
  rows('a child’s request is of no session', 'listRequests() filters by the session', ({ listRequests }) => ({
    listRequests(query) {
      const page = listRequests(query);
      return query.session === undefined
        ? page
        : { ...page, items: page.items.filter(({ parent }) => parent === undefined) };
    },
  })),
  rows(
    'a page of requests begins with the last of the one before',
    'pages of requests join without a gap',
    ({ listRequests }) => ({
      listRequests: ({ after, ...query }) =>
        listRequests({
          ...query,
          ...(after === undefined || after === '1' ? {} : { after: String(Number(after) - 1) }),
        }),
    }),
  ),
  port('pages are as large as anybody likes', 'no page is larger than 1,000', (store) => ({
    async entries(run, { after, limit }) {
      const first = await store.entries(run, { after, limit });
      return limit > PAGE_LIMIT && first.length === PAGE_LIMIT
        ? [...first, ...(await store.entries(run, { after: after + PAGE_LIMIT, limit }))]
        : first;
    },
  })),
  rows('a page of entries begins with the one before it', 'entries() reads in pages', ({ entries }) => ({
    entries: (run, { after, limit }) => entries(run, { after: Math.max(0, after - 1), limit }),
  })),
];
