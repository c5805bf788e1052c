import type { Store } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

const cutting = (
  name: string,
  caughtBy: string,
  change: (store: Store, ...given: Parameters<Store['cutMessages']>) => ReturnType<Store['cutMessages']>,
): StoreFault => port(name, caughtBy, (store) => ({ cutMessages: (...given) => change(store, ...given) }));

export const BRANCH_FAULTS: readonly StoreFault[] = [
  rows('a cut hides nothing', 'a cut hides what follows a message', () => ({ saveCuts: () => undefined })),
  cutting('what is hidden is thrown away', 'a cut hides what follows a message', async (store, key, after, head) => {
    const thread = { tenant: key.tenant, of: 'session', id: key.session } as const;
    const kept = await store.messages(thread, { before: after + 1, limit: 100 });
    const items = kept.map(({ message }) => message);
    await store.replaceMessages(key, items, head);
    return store.cutMessages(key, head + items.length, head + items.length);
  }),
  rows('cuts that touch stay apart', 'cuts that touch are one', ({ cuts, saveCuts }) => ({
    saveCuts: (session, next) => saveCuts(session, [...cuts(session.key), ...next.slice(-1)]),
  })),
  rows('what is hidden is counted in a page', 'pages join over what is hidden', ({ messages }) => ({
    messages(thread, page, within) {
      const found = messages(thread, page);
      return within === undefined ? found : found.filter(({ n }) => n > within.after && n < within.before);
    },
  })),
  cutting(
    'a run that holds the session is cut under its feet',
    'a cut is refused while a run holds',
    (store, key, after, head) =>
      head === 2
        ? store
            .cutMessages(key, after, 3)
            .then((answer) => (answer.outcome === 'moved' ? { outcome: 'unknown' } : answer))
        : store.cutMessages(key, after, head),
  ),
  cutting('a message that has come is cut as well', 'a cut is refused while a run holds', async (store, key, after) =>
    store.cutMessages(key, after, await store.threadHead({ tenant: key.tenant, of: 'session', id: key.session })),
  ),
  cutting(
    'a session may have any number of cuts',
    'a session has 100 cuts that do not touch',
    async (store, ...given) => {
      const answer = await store.cutMessages(...given);
      const session = await store.session(given[0]);
      return answer.outcome === 'full' && session !== undefined ? { outcome: 'cut', session } : answer;
    },
  ),
  port('a run that cuts is started without its cut', 'a run may cut what it goes on from', (store) => ({
    start: (run) => store.start(run.session === undefined ? run : { ...run, session: without(run.session, 'cut') }),
  })),
  port('a run that cuts waits for its turn', 'a run that cuts is refused whole', (store) => ({
    start: (run) =>
      store.start(run.session?.whenBusy === 'queue' ? { ...run, session: without(run.session, 'cut') } : run),
  })),
  port('a run cuts off what it has not seen', 'a run that cuts is refused whole', (store) => ({
    async start(run) {
      if (run.session?.cut === undefined) return store.start(run);
      const head = await store.threadHead({ tenant: run.key.tenant, of: 'session', id: run.session.id });
      return store.start({ ...run, session: { ...run.session, cut: { ...run.session.cut, head } } });
    },
  })),
  rows('a hidden message is found by its id', 'a message is found by its id', (tables) => ({
    cuts: () => [],
    message: (thread, id) => tables.message(thread, id),
  })),
  rows('messages are found in any thread', 'a message is found by its id', (tables) => ({
    message: (thread, id) => tables.message({ ...thread, tenant: 'acme' }, id),
  })),
  rows('an id may be given twice', 'no two messages of a conversation are started under one id', () => ({
    message: () => undefined,
  })),
  rows(
    'ids of what waits are not looked at',
    'no two messages of a conversation are started under one id',
    (tables) => ({
      session(key) {
        const session = tables.session(key);
        return session && { ...session, queue: [] };
      },
    }),
  ),
  port('a fork goes on to the end', 'a fork is a conversation of its own', (store) => ({
    forkSession: (from, to) => store.forkSession(from, to, 100),
  })),
  rows('a fork keeps the numbers', 'a fork is a conversation of its own', ({ appendMessages }) => ({
    appendMessages: (thread, from, messages) => appendMessages(thread, thread.id === 's2' ? from + 1 : from, messages),
  })),
  port('a fork takes any name', 'the same fork again is the one that was made', (store) => ({
    async forkSession(from, to, upTo) {
      const answer = await store.forkSession(from, to, upTo);
      return answer.outcome === 'taken' ? { ...answer, outcome: 'existing' } : answer;
    },
  })),
  port('a fork copies what fits', 'a fork copies 10,000 messages', (store) => ({
    async forkSession(from, to, upTo) {
      const answer = await store.forkSession(from, to, upTo);
      return answer.outcome === 'too-large' ? store.forkSession(from, to, 1) : answer;
    },
  })),
  rows('a fork uses no blobs', 'a fork uses the blobs of its messages', () => ({ setSessionBlobs: () => undefined })),
  rows('hidden messages are not removed', 'what is removed with a session are all its messages', (tables) => ({
    threadHead(thread) {
      const head = tables.threadHead(thread);
      const [cut] = tables.cuts({ tenant: thread.tenant, session: thread.id });
      return cut === undefined ? head : cut.from - 1;
    },
  })),
  port('a message may have any id', 'ids of messages that can name nothing', (store) => ({
    start: (run) => store.start({ ...run, messages: run.messages.map((one, n) => ({ ...one, id: `m${n}` })) }),
  })),
  storage('an opening shows what was hidden', 'what is hidden and what was copied is so after', {
    losesWhenClosed: 'saveCuts',
  }),
];
