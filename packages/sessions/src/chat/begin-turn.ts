import { isFinal, PrusikError, threadOfSession, type Run, type SessionKey, type Store } from '@prusik/core';
import type { Session } from '../session.ts';
import type { ChatAsk, ChatMessage } from './chat-body.ts';
import type { ChatAccess, ChatOptions } from './chat-options.ts';
import { answeredBy, replyIdOf, replyOf, runIdOf } from './turn-ids.ts';

/** A run that answers in a chat, and what its answer is called there. */
export interface Turn {
  readonly run: Run;
  readonly messageId: string;
}

type Saying = Extract<ChatAsk, { type: 'message' }>;

/** Starts the turn that is asked for, or finds it where it was asked for before. */
export async function beginTurn(
  session: Session<unknown>,
  ask: Exclude<ChatAsk, { type: 'answers' }>,
  access: ChatAccess,
  options: ChatOptions,
): Promise<Turn> {
  const { store } = options.engine;
  if (ask.type === 'message')
    return { run: await say(session, ask, access, options), messageId: replyIdOf(ask.message.id) };
  const after = ask.messageId === undefined ? undefined : (answeredBy(ask.messageId) ?? ask.messageId);
  // Asked twice while the first is at work it is refused as busy; afterwards it is another wish.
  const id = runIdOf(session.key, 'again', after ?? '', await store.threadHead(threadOfSession(session.key)));
  // The definition of this chat, for whoever asks: the last run may have been another one's, for somebody else.
  const { definition } = options;
  const run = await session.regenerate({
    id,
    definition,
    context: access.context ?? null,
    attended: true,
    ...(after === undefined ? {} : { after }),
  });
  return { run, messageId: await replyOf(store, run) };
}

async function say(
  session: Session<unknown>,
  ask: Saying,
  { context, turnContext }: ChatAccess,
  { engine, definition, input = promptOf, whenBusy = 'refuse' }: ChatOptions,
): Promise<Run> {
  const { message, body } = ask;
  // What it takes the definition checks itself.
  const given = input(message, body) as never;
  const how = {
    ...(definition.openingMessages === undefined ? {} : { messageId: message.id }),
    ...(context === undefined ? {} : { context }),
    ...(turnContext === undefined ? {} : { turnContext }),
  };
  const id = await editIdOf(engine.store, session.key, ask);
  if (id !== undefined) return session.edit(message.id, definition, given, { ...how, id });
  // Delivered twice it is one turn.
  return session.start(definition, given, { ...how, id: runIdOf(session.key, message.id), whenBusy });
}

/**
 * A client that names the message it sends as the one it replaces has changed it, or says it again after a failure; unless that message never arrived, or is
 * being answered just now.
 */
async function editIdOf(store: Store, key: SessionKey, { message, isEdit }: Saying): Promise<string | undefined> {
  if (!isEdit) return undefined;
  const thread = threadOfSession(key);
  if ((await store.message(thread, message.id)) === undefined) return undefined;
  const first = await store.run({ tenant: key.tenant, run: runIdOf(key, message.id) });
  if (first !== undefined && !isFinal(first.status)) return undefined;
  return runIdOf(key, 'edit', message.id, await store.threadHead(thread));
}

/** The turn that is under way in the chat, or the last one that was. */
export async function turnOf(key: SessionKey, { engine }: ChatOptions): Promise<Turn | undefined> {
  const { store } = engine;
  const session = await store.session(key);
  if (session === undefined) return undefined;
  const active = session.activeRun === undefined ? undefined : await store.run({ ...key, run: session.activeRun });
  const [newest] = (await store.listRuns({ ...key, limit: 1 })).items;
  let run = active !== undefined && !isFinal(active.status) ? active : newest && (await store.run(newest.key));
  // One that was taken over has its answer in the run that took it.
  if (run?.absorbedBy !== undefined) run = await store.run({ ...key, run: run.absorbedBy });
  return run && { run, messageId: await replyOf(store, run) };
}

function promptOf({ content }: ChatMessage): unknown {
  return content.every(({ type }) => type === 'text')
    ? content.map((part) => ('text' in part ? part.text : '')).join('\n\n')
    : content;
}

/** The turn of this message, and the run that is at work on it. @throws {PrusikError} `CHAT_OUTDATED` where it is not the last of the chat. */
export async function lastTurn(
  key: SessionKey,
  messageId: string,
  options: ChatOptions,
): Promise<Turn & { readonly holder: Run }> {
  const turn = await turnOf(key, options);
  if (turn?.messageId === messageId) return { ...turn, holder: turn.run };
  // What follows a message that steered is that message's answer.
  const steered = await options.engine.store.run({
    tenant: key.tenant,
    run: runIdOf(key, answeredBy(messageId) ?? messageId),
  });
  if (turn !== undefined && steered?.absorbedBy === turn.run.key.run)
    return { run: steered, messageId, holder: turn.run };
  throw new PrusikError('CHAT_OUTDATED', 'The message that is answered is not the last of this chat');
}
