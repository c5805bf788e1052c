import { LIST_NAMES_LIMIT, type RunQuery, type RunSummary } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const KINDS = 'listRuns() filters by kind, by roots';
const CREATED = 'listRuns() goes by the time of creation';
const ENDED = 'listRuns() by the time of the end';
const JOIN = 'pages of every order and time join';
const SESSIONS = 'listSessions() goes by the time of creation';
const MISUSE = 'times, orders and names of a list';

const listing = (name: string, caughtBy: string, change: (query: RunQuery) => RunQuery): StoreFault =>
  rows(name, caughtBy, ({ listRuns }) => ({ listRuns: (query) => listRuns(change(query)) }));

const ignoring = (field: 'kind' | 'roots' | 'blocked' | 'since' | 'before' | 'order' | 'time', caughtBy: string) =>
  listing(`the filter ${field} is ignored`, caughtBy, (query) => without(query, field));

const showing = (name: string, caughtBy: string, change: (run: RunSummary) => RunSummary): StoreFault =>
  rows(name, caughtBy, ({ listRuns }) => ({
    listRuns(query) {
      const page = listRuns(query);
      return { ...page, items: page.items.map(change) };
    },
  }));

const ignoringOfSessions = (field: 'since' | 'before' | 'order') =>
  rows(`sessions are listed whatever ${field} says`, SESSIONS, ({ listSessions }) => ({
    listSessions: (query) => listSessions(without(query, field)),
  }));

export const LIST_FAULTS: readonly StoreFault[] = [
  rows('a list shows runs whole', 'as run() does, but for inputs', ({ listRuns, run }) => ({
    listRuns(query) {
      const page = listRuns(query);
      return { ...page, items: page.items.map((one) => run(one.key) ?? one) };
    },
  })),
  showing('a list keeps back why a run failed', 'as run() does, but for inputs', (run) => without(run, 'error')),
  showing('a list keeps back who absorbed a run', 'who took the messages of a run over', (run) =>
    without(run, 'absorbedBy'),
  ),
  rows(
    'what stands in a session’s queue is not listed',
    'listRuns() shows what is worked at',
    ({ listRuns, state }) => ({
      listRuns(query) {
        const page = listRuns(query);
        return { ...page, items: page.items.filter((run) => state(run.key)?.inQueue !== true) };
      },
    }),
  ),
  ignoring('kind', KINDS),
  ignoring('roots', KINDS),
  ignoring('blocked', KINDS),
  ignoring('since', CREATED),
  ignoring('before', CREATED),
  ignoring('order', CREATED),
  ignoring('time', ENDED),
  listing('a time that is given is not there any more', CREATED, ({ since, ...query }) => ({
    ...query,
    ...(since === undefined ? {} : { since: since + 1 }),
  })),
  listing('what ends at the time before which it must end is shown', ENDED, ({ before, ...query }) => ({
    ...query,
    ...(before === undefined ? {} : { before: before + 1 }),
  })),
  rows('a page begins behind all that has the time of the last of the page before', JOIN, ({ listRuns }) => ({
    listRuns: ({ after, ...query }) =>
      listRuns({
        ...query,
        ...(after === undefined ? {} : { after: `${after.split('_')[0]}_${query.order === 'oldest' ? 1e15 : 1}` }),
      }),
  })),
  rows('a page goes on after so many runs', 'a run that ends or is started between two pages', ({ listRuns }) => ({
    listRuns({ after, ...query }) {
      const offset = Number(after?.split('_')[1] ?? 0);
      const { items } = listRuns({ ...query, limit: offset + query.limit });
      const last = items.length === offset + query.limit;
      return { items: items.slice(offset), ...(last ? { next: `0_${offset + query.limit}` } : {}) };
    },
  })),
  ignoringOfSessions('since'),
  ignoringOfSessions('before'),
  ignoringOfSessions('order'),
  rows(
    'requests are shown oldest first, whatever is asked',
    'listRequests() shows the newest first',
    ({ listRequests }) => ({
      listRequests: (query) => listRequests(without(query, 'order')),
    }),
  ),
  port('an order that nobody knows is any order', MISUSE, (store) => ({
    listRuns: ({ order, ...query }) =>
      store.listRuns({ ...query, ...(order === 'newest' || order === 'oldest' ? { order } : {}) }),
  })),
  port('names beyond the limit are left out', MISUSE, (store) => ({
    listRuns: ({ definition, ...query }) =>
      store.listRuns({
        ...query,
        ...(definition === undefined
          ? {}
          : { definition: Array.isArray(definition) ? definition.slice(0, LIST_NAMES_LIMIT) : definition }),
      }),
  })),
];
