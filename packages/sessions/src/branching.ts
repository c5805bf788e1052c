import { PrusikError, threadOfSession, type Run, type SessionKey, type Store, type StoredMessage } from '@prusik/core';
import { cutsFull, messageUnknown, sessionBusy, sessionClosed, sessionUnknown, threadMoved } from './refusals.ts';

/** Where a conversation is to end: the numbers of the message that stays last and of the one that is last now. */
export interface Place {
  readonly after: number;
  readonly head: number;
}

/** Where a conversation is cut. */
export interface CutOptions {
  /** Id of the last message that stays. */
  readonly after: string;
}

/** Hides what follows a message, and returns that message. */
export async function cutAfter(store: Store, key: SessionKey, { after }: CutOptions): Promise<StoredMessage> {
  // Before the message is looked for: one that comes in between refuses the cut.
  const head = await store.threadHead(threadOfSession(key));
  const kept = await findMessage(store, key, after);
  await refuseInsideExchange(store, key, kept);
  const answer = await store.cutMessages(key, kept.n, head);
  switch (answer.outcome) {
    case 'cut':
      return kept;
    case 'moved':
      throw threadMoved(key, answer.head);
    case 'busy':
      throw await sessionBusy(store, answer.run);
    case 'full':
      throw cutsFull(key);
    case 'closed':
      throw sessionClosed(key);
    case 'unknown':
      throw sessionUnknown(key);
    default:
      return answer satisfies never;
  }
}

/** The place right before a message of the user's, which another one is to take. */
export async function placeBefore(store: Store, key: SessionKey, id: string): Promise<Place> {
  const head = await store.threadHead(threadOfSession(key));
  const message = await findMessage(store, key, id);
  if (message.message.kind !== 'user')
    throw new PrusikError(
      'MESSAGE_NOT_THE_USERS',
      `Message ${id} of session ${key.session} is no message of the user's`,
      {
        meta: { session: key.session, message: id },
      },
    );
  return { after: message.n - 1, head };
}

/** The place right after the user's last message, or the one of this id: what followed is to be said anew. */
export async function placeOfAnswer(store: Store, key: SessionKey, id: string | undefined): Promise<Place> {
  const thread = threadOfSession(key);
  const head = await store.threadHead(thread);
  if (id !== undefined) return { after: (await placeBefore(store, key, id)).after + 1, head };
  for (let before = head + 1; ;) {
    const page = await store.messages(thread, { before, limit: PAGE });
    const spoken = page.findLast(({ message }) => message.kind === 'user');
    if (spoken !== undefined) return { after: spoken.n, head };
    const [first] = page;
    if (first === undefined || page.length < PAGE) throw messageUnknown(key, 'of the user');
    before = first.n;
  }
}

/** The last run (of this definition) that has spoken in the session for itself: its definition, input and context are those of its turn. */
export async function lastRun(store: Store, key: SessionKey, of?: string): Promise<Run> {
  let after: string | undefined;
  do {
    const { tenant, session } = key;
    const page = await store.listRuns({ tenant, session, limit: PAGE, ...(after === undefined ? {} : { after }) });
    const found = page.items.find(
      ({ absorbedBy, definition }) => absorbedBy === undefined && (of === undefined || definition === of),
    );
    const run = found && (await store.run(found.key));
    if (run !== undefined) return run;
    after = page.next;
  } while (after !== undefined);
  // A fork has the messages and none of the runs.
  const { session } = key;
  throw new PrusikError('RUN_UNKNOWN', `Session ${session} has no run that could be done again`, { meta: { session } });
}

/** Number of the last message that a fork at this one copies. */
export async function placeOfFork(store: Store, key: SessionKey, id: string): Promise<number> {
  const last = await findMessage(store, key, id);
  await refuseInsideExchange(store, key, last);
  return last.n;
}

const PAGE = 100;

async function findMessage(store: Store, key: SessionKey, id: string): Promise<StoredMessage> {
  const found = await store.message(threadOfSession(key), id);
  if (found === undefined) throw messageUnknown(key, id);
  return found;
}

/** Results stand directly after the message that calls: what is cut between them is refused by every provider. */
async function refuseInsideExchange(store: Store, key: SessionKey, { n, message }: StoredMessage): Promise<void> {
  const [next] = await store.messages(threadOfSession(key), { after: n, limit: 1 });
  if (next?.message.role !== 'tool') return;
  throw new PrusikError(
    'MESSAGE_IN_EXCHANGE',
    `Message ${message.id} of session ${key.session} stands before the result of a tool`,
    {
      meta: { session: key.session, message: message.id },
    },
  );
}
