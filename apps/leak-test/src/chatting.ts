import type { Logger } from '@prusik/core';
import type { ChatOptions } from '@prusik/sessions';
import { userSays, withChat } from './chat.ts';
import type { AppHarness, Definitions } from './definitions.ts';
import type { Order, Tell } from './order.ts';
import { decide } from './working.ts';

interface Means {
  readonly logger: Logger;
  readonly tell: Tell;
  readonly isLeaky: boolean;
  readonly definitions: Definitions;
}

/** Chats over HTTP that go well, whose answers are the product, and chats that do not, whose answers are looked at. */
export async function chatWith(
  { words }: Order,
  harness: AppHarness,
  {
    logger,
    tell,
    isLeaky,
    definitions: {
      agents: { guide, broken },
      workflows: { miscoded },
    },
  }: Means,
): Promise<void> {
  const { engine, sessions } = harness;
  const thrower = (kind: 'accessError' | 'hookError') => () => {
    tell('app', words[kind]);
    throw Object.assign(new Error(`no "${words[kind]}" – ö`), { code: words[kind] });
  };
  const options = {
    engine,
    sessions,
    logger,
    access: () => ({ context: { user: words.userContext }, turnContext: [words.turnContext] }),
  } satisfies Omit<ChatOptions, 'definition'>;

  const failing = async (chat: string, other: Pick<ChatOptions, 'definition'> & Partial<ChatOptions>): Promise<void> =>
    withChat({ ...options, ...other }, async (post) => tell('chat', await post(userSays(chat, words.prompt))));

  await withChat({ ...options, definition: guide, hooks: { onEvent: thrower('hookError') } }, async (post) => {
    tell('product', await post(userSays('chat-1', `I wish "${words.prompt}"`)));
    await decide(harness, words);
    tell('app', words.chatBody);
    for (const body of badBodies(words.chatBody)) tell('chat', await post(body));
    const headers = { 'x-unknown': words.chatBody, 'content-type': `text/${words.chatBody}` };
    tell('chat', await post(words.chatBody, headers));
  });
  await failing('chat-2', { definition: broken, ...(isLeaky ? { errorText: ({ message }) => message } : {}) });
  await failing('chat-3', { definition: miscoded, input: () => ({}) });
  await failing('chat-4', { definition: guide, access: thrower('accessError') });
  await failing('chat-5', { definition: guide, input: () => ({ [words.prompt]: words.prompt }) });
}

const badBodies = (word: string): readonly string[] => [
  `{ "${word}`,
  JSON.stringify({ id: word.repeat(40), messages: [word] }),
  JSON.stringify({ id: 'chat-6', trigger: word, messages: [] }),
  JSON.stringify({ id: 'chat-1', messages: [{ id: word, role: word, parts: [{ type: word }] }] }),
  JSON.stringify({
    id: 'chat-6',
    messages: [{ id: 'm', role: 'user', parts: [{ type: 'file', url: word, mediaType: word }] }],
  }),
];
