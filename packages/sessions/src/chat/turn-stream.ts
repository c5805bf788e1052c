import {
  isFinal,
  threadOfSession,
  type Entry,
  type Message,
  type Request,
  type Run,
  type RunEvent,
  type RunKey,
  type Store,
  type ThreadKey,
} from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { addressesOf, type FileAddress } from './file-address.ts';
import { createTurnEncoder, type EntryFacts, type TurnEncoderOptions } from './turn-encoder.ts';
import { turnNews } from './turn-news.ts';
import type { UiMessageChunk } from './ui-types.ts';

export interface TurnStreamOptions extends TurnEncoderOptions {
  readonly fileUrl: FileAddress;
  /** Id of the message that the chunks make. */
  readonly messageId: string;
  /** Is told of each event before it is encoded. */
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * The chunks of one turn from its beginning on, whenever it is asked for: what is committed is read again, and what is said is heard live. Ends with the run,
 * or where nothing moves but by somebody who is asked. Of a run that another one took over they are what that one did from there on.
 */
export async function* streamTurn(
  engine: Engine,
  run: Run,
  options: TurnStreamOptions,
): AsyncGenerator<UiMessageChunk> {
  yield { type: 'start', messageId: options.messageId };
  for await (const { entry, chunks } of encodeRun(engine, run, options)) {
    if (entry?.type === 'run-end' && entry.absorbedBy !== undefined) {
      const holder = await engine.store.run({ ...run.key, run: entry.absorbedBy });
      if (holder !== undefined) yield* sinceAbsorbed(engine, holder, run.key.run, options);
      return;
    }
    yield* chunks;
  }
}

async function* sinceAbsorbed(
  engine: Engine,
  holder: Run,
  absorbed: string,
  options: TurnStreamOptions,
): AsyncGenerator<UiMessageChunk> {
  let isNew: ((chunk: UiMessageChunk) => boolean) | undefined;
  for await (const { entry, chunks } of encodeRun(engine, holder, options)) {
    if (isNew !== undefined) yield* chunks.filter(isNew);
    else if (entry?.type === 'step-end' && entry.absorbed?.includes(absorbed) === true) {
      isNew = begunSince();
      yield { type: 'start-step' };
      yield* chunks.filter(({ type }) => !BEFORE_ABSORBED.has(type)).filter(isNew);
    }
  }
}

/** The message itself is there already, and the step in which it was taken over begins with its answer. */
const BEFORE_ABSORBED: ReadonlySet<UiMessageChunk['type']> = new Set([
  'start-step',
  'finish-step',
  'reset-step',
  'steering-message',
]);

/** What is about calls that were begun before is told where they were begun. */
function begunSince(): (chunk: UiMessageChunk) => boolean {
  const calls = new Set<string>();
  const approvals = new Set<string>();
  return (chunk) => {
    if (chunk.type === 'tool-input-start' || chunk.type === 'tool-input-available') calls.add(chunk.toolCallId);
    if (chunk.type === 'tool-approval-response') return approvals.has(chunk.approvalId);
    if (!('toolCallId' in chunk)) return true;
    if (chunk.type === 'tool-approval-request' && calls.has(chunk.toolCallId)) approvals.add(chunk.approvalId);
    return calls.has(chunk.toolCallId);
  };
}

/** One event of a run, or of one below it, and what a client is told by it. */
interface Encoded {
  readonly entry?: Entry;
  readonly chunks: readonly UiMessageChunk[];
}

async function* encodeRun(engine: Engine, run: Run, options: TurnStreamOptions): AsyncGenerator<Encoded> {
  const encoder = createTurnEncoder(options);
  let seen = 0;
  /** All that was read may be at rest, and something moved when it was. */
  let mayRest = false;
  /** Runs that it has started, by the keys of what waits for them. */
  const children = new Map<string, string>();
  for await (const event of turnNews(engine, run.key, options.signal)) {
    if (event === undefined) {
      if (mayRest) yield { chunks: encoder.rest(await restFacts(engine.store, run, { seen, children })) };
      if (encoder.over) return;
      continue;
    }
    options.onEvent?.(event);
    const isOwn = event.run.run === run.key.run;
    if (event.live) {
      if (isOwn) yield { chunks: encoder.live(event.event) };
      continue;
    }
    const { entry } = event;
    if (isOwn) seen = entry.seq;
    if (isOwn && entry.type === 'wait-start' && entry.child !== undefined) children.set(entry.key, entry.child);
    const { fileUrl } = options;
    const facts = await factsOf(engine.store, run, { of: event.run, entry, seen, children, fileUrl });
    mayRest = facts.rests === false;
    if (isOwn) yield { entry, chunks: encoder.entry(entry, facts) };
    else yield { chunks: encoder.below(event.run.run, entry, facts) };
    if (encoder.over) return;
  }
}

interface Asked {
  readonly of: RunKey;
  readonly entry: Entry;
  readonly seen: number;
  readonly children: ReadonlyMap<string, string>;
  readonly fileUrl: FileAddress;
}

async function factsOf(store: Store, root: Run, asked: Asked): Promise<EntryFacts> {
  const { of, entry, children, fileUrl } = asked;
  const { tenant, run } = root.key;
  switch (entry.type) {
    case 'step-end':
      // Of a run below only what it asks is shown.
      if (entry.messages === undefined || of.run !== run) return {};
      return withMessages(await messagesOf(store, root, entry.messages), fileUrl);
    case 'wait-start':
      return entry.request === undefined ? {} : requestFact(await store.request(of, entry.request));
    case 'wait-end': {
      const child = of.run === run ? children.get(entry.key) : undefined;
      return child === undefined ? {} : { below: await requestsOf(store, { tenant, run: child }) };
    }
    case 'run-block':
      return { ...requestFact(await store.request(of, entry.request)), ...(await restFacts(store, root, asked)) };
    case 'run-park':
      return restFacts(store, root, asked);
    case 'run-end':
      return of.run !== run || children.size === 0 ? {} : { below: await requestsOf(store, { tenant, root: run }) };
    default:
      return {};
  }
}

async function restFacts(
  store: Store,
  root: Run,
  { seen, children }: Pick<Asked, 'seen' | 'children'>,
): Promise<EntryFacts> {
  if (!(await restsAt(store, root, seen))) return { rests: false };
  const { tenant, run } = root.key;
  return { rests: true, below: children.size === 0 ? [] : await requestsOf(store, { tenant, root: run }) };
}

const PAGE = 100;

/** All that runs have asked, in their order. */
async function requestsOf(
  store: Store,
  which: { readonly tenant: string; readonly run?: string; readonly root?: string },
): Promise<readonly Request[]> {
  const found: Request[] = [];
  let after: string | undefined;
  do {
    const page = await store.listRequests({ ...which, limit: PAGE, ...(after === undefined ? {} : { after }) });
    found.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return found.filter(({ run }) => run.run !== which.root);
}

async function withMessages(messages: readonly Message[], fileUrl: FileAddress): Promise<EntryFacts> {
  return { messages, addresses: await addressesOf(messages, fileUrl) };
}

const requestFact = (request: Request | undefined): EntryFacts => (request === undefined ? {} : { request });

function threadOfRun({ key, session }: Run): ThreadKey {
  const { tenant, run } = key;
  return session === undefined ? { tenant, of: 'run', id: run } : threadOfSession({ tenant, session });
}

export async function messagesOf(
  store: Store,
  run: Run,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<readonly Message[]> {
  const found = await store.messages(threadOfRun(run), { after: from - 1, limit: count });
  // Some may be hidden since, and what comes after them is not of this step.
  return found.filter(({ n }) => n < from + count).map(({ message }) => message);
}

/** `seen` is the last entry of the root that was read: at an earlier park the run has gone on since. */
async function restsAt(store: Store, root: Run, seen: number): Promise<boolean> {
  const { tenant, run } = root.key;
  const now = await store.run(root.key);
  if (now === undefined || isFinal(now.status) || now.seq !== seen) return false;
  const moving = await store.listRuns({ tenant, root: run, status: ['queued', 'running'], limit: 1 });
  if (moving.items.length > 0) return false;
  const asked = await store.listRequests({ tenant, root: run, status: ['open'], limit: 1 });
  return asked.items.length > 0;
}
