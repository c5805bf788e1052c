import { blobsOf, checkMessage, contextView, reconcile, type DurableContext, type Message } from '@prusik/core';
import { estimateTokens } from './estimate.ts';

/** What the model is shown of the thread. */
export interface Prompt {
  readonly messages: readonly Message[];
  /** Those of them that name files. */
  readonly naming: readonly Message[];
  /** An estimate by length, made when it is asked for: where a provider tells, nobody does. */
  tokens(): number;
  /** Ids of all calls in the thread. */
  readonly callIds: ReadonlySet<string>;
  /** All of the thread, whatever is shown of it. */
  thread(): readonly Message[];
}

/**
 * The thread as a prompt, kept for one drive: each message is looked at once, so a turn costs what its messages cost and not their square. What
 * was shown once stays as it was, which keeps the prefix that providers cache, until a compaction says otherwise.
 *
 * Rejects with `MESSAGE_INVALID` where the thread holds what is no message.
 */
export type PromptView = () => Promise<Prompt>;

export function createPromptView(ctx: DurableContext): PromptView {
  const thread: Message[] = [];
  const callIds = new Set<string>();
  let shown: Message[] = [];
  let naming: Message[] = [];
  let seen = 0;
  /** Messages from an assistant's on whose calls its provider has not closed yet; later ones may. */
  let open: readonly Message[] = [];

  const whole = (): readonly Message[] => [...thread];
  const prompt = (messages: readonly Message[], named: readonly Message[]): Prompt => ({
    messages,
    naming: named,
    callIds,
    thread: whole,
    tokens: () => estimateTokens(messages),
  });

  return async () => {
    const stored = await ctx.thread.read();
    const fresh: Message[] = [];
    for (let at = stored.length - 1; at >= 0; at -= 1) {
      const one = stored[at];
      if (one === undefined || one.n <= seen) break;
      fresh.push(one.message);
    }
    fresh.reverse();
    // What another program wrote into the thread may be anything.
    for (const message of fresh) checkMessage(message);
    seen = stored.at(-1)?.n ?? seen;
    for (const message of fresh) {
      thread.push(message);
      for (const part of message.content) if (part.type === 'tool-call') callIds.add(part.callId);
    }
    let tail = open.length === 0 ? fresh : [...open, ...fresh];
    if (fresh.some(({ compaction }) => compaction !== undefined)) {
      tail = [...contextView(thread).messages];
      shown = [];
      naming = [];
    }
    const reconciled = reconcile(tail);
    if (waitsForProvider(reconciled)) {
      open = tail;
      return prompt([...shown, ...reconciled], [...naming, ...reconciled.filter(namesFiles)]);
    }
    open = [];
    for (const message of reconciled) {
      shown.push(message);
      if (namesFiles(message)) naming.push(message);
    }
    return prompt(shown.slice(), naming);
  };
}

export const namesFiles = (message: Message): boolean => blobsOf(message).length > 0;

/** Whether a call that its provider executes has no result yet. */
function waitsForProvider(messages: readonly Message[]): boolean {
  const open = new Set<string>();
  for (const { content } of messages) {
    for (const part of content) {
      if (part.type === 'tool-call' && part.providerExecuted === true) open.add(part.callId);
      else if (part.type === 'tool-result') open.delete(part.callId);
    }
  }
  return open.size > 0;
}
