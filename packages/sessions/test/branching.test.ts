import { createSessions, type Session } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import {
  defineSlot,
  type DurableDefinition,
  type Json,
  type Message,
  type StandardSchema,
  type Store,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { openFile, sqliteFile } from './sqlite-file.ts';
import { asker, engineFor, message, talker, textsOf } from './support.ts';

const STORES: Readonly<Record<string, () => Store>> = {
  'store-memory': () => memoryStore(),
  'store-sqlite': () => openFile(sqliteFile()),
};

const anything: StandardSchema<string[], string[]> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as string[] }) },
};

const shown = async (session: Session): Promise<readonly string[]> => textsOf((await session.history()).messages);

/** Calls a tool: its message, the result of it, and the answer. */
const tooled: DurableDefinition<string, null> = {
  name: 'tooled',
  kind: 'agent',
  version: '1',
  openingMessages: (input: Json) => [message(`user ${String(input)}`, 'user', String(input))],
  async run(ctx) {
    await ctx.step('act', (step) => {
      const call: Message = {
        ...message('calls', 'assistant', ''),
        content: [{ type: 'tool-call', callId: 'c', tool: 't', input: null }],
      };
      const result: Message = {
        ...message('result', 'assistant', ''),
        role: 'tool',
        kind: 'tool',
        content: [{ type: 'tool-result', callId: 'c', tool: 't', output: { type: 'text', text: 'done' } }],
      };
      step.append(call, result, message('answer', 'assistant', 'answer'));
    });
    return null;
  },
};

describe.each(Object.entries(STORES))('a conversation that branches (%s)', (_name, store) => {
  it('SES-10: is cut after a message, and the next run sees what is left', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition], store())).open('chat');
    for (const input of ['one', 'two']) await session.run(definition, input);

    const kept = await session.cut({ after: 'answer to one' });

    expect([kept.n, await shown(session)]).toEqual([2, ['one', 'answer 1']]);
    expect(await session.run(definition, 'three')).toMatchObject({ output: 'answer 3' });
    expect((await session.history()).messages.map(({ n }) => n)).toEqual([1, 2, 5, 6]);
    const all = await session.history({ hidden: true, limit: 4 });
    expect(all.messages.map(({ n }) => n)).toEqual([3, 4, 5, 6]);
    expect(textsOf((await session.history(all.next)).messages)).toEqual(['one', 'answer 1']);
    expect(textsOf((await session.window()).messages)).toEqual(['one', 'answer 1', 'three', 'answer 3']);
  });

  it('SES-10: has an answer given again, once for each delivery', async () => {
    let calls = 0;
    const definition = talker(() => void (calls += 1));
    const engine = engineFor([definition], store());
    const session = await createSessions(engine).open('chat');
    await session.run(definition, 'one', { context: { user: 'ann' } });
    await session.run(definition, 'two', { context: { user: 'ann' } });

    const again = await session.regenerate({ id: 'again' });
    await engine.drive(again.key);
    const twice = await session.regenerate({ id: 'again' });

    expect(again).toMatchObject({ definition: 'talker', input: 'two', context: { user: 'ann' } });
    expect([twice.key, calls]).toEqual([again.key, 3]);
    expect(await shown(session)).toEqual(['one', 'answer 1', 'two', 'answer 3']);
    expect((await session.history()).messages.map(({ n }) => n)).toEqual([1, 2, 3, 5]);
    await engine.drive((await session.regenerate({ after: 'user one' })).key);
    expect(await shown(session)).toEqual(['one', 'answer 1']);
  });

  it('SES-10: has a message edited, under its own id', async () => {
    const definition = talker();
    const engine = engineFor([definition], store());
    const session = await createSessions(engine).open('chat');
    await session.run(definition, 'one');
    await session.run(definition, 'two', { messageId: 'from the client' });
    await session.run(definition, 'three');

    const options = { id: 'edited', messageId: 'from the client' };
    const edited = await session.edit('from the client', definition, 'TWO', options);
    await engine.drive(edited.key);
    const again = await session.edit('from the client', definition, 'TWO', options);

    expect(again.key).toEqual(edited.key);
    expect(await shown(session)).toEqual(['one', 'answer 1', 'TWO', 'answer 3']);
    await expect(session.edit('from the client', definition, 'other', options)).rejects.toMatchObject({
      code: 'RUN_INPUT_MISMATCH',
    });
    await expect(session.edit('answer to one', definition, 'x')).rejects.toMatchObject({
      code: 'MESSAGE_NOT_THE_USERS',
    });
    await expect(session.start(definition, 'x', { messageId: 'from the client' })).rejects.toMatchObject({
      code: 'MESSAGE_ID_TAKEN',
    });
  });

  it('SES-10: is not cut within a tool exchange', async () => {
    const engine = engineFor([tooled], store());
    const sessions = createSessions(engine);
    const session = await sessions.open('chat');
    await session.run(tooled, 'one');

    await expect(session.cut({ after: 'calls' })).rejects.toMatchObject({ code: 'MESSAGE_IN_EXCHANGE' });
    await expect(sessions.fork('chat', { at: 'calls', to: 'fork' })).rejects.toMatchObject({
      code: 'MESSAGE_IN_EXCHANGE',
    });
    await session.cut({ after: 'result' });
    expect((await session.history()).messages).toHaveLength(3);
  });

  it('SES-10: refuses to branch while a run holds it, and where there is nothing to branch at', async () => {
    const engine = engineFor([asker], store());
    const sessions = createSessions(engine);
    const session = await sessions.open('chat');
    await expect(session.regenerate()).rejects.toMatchObject({ code: 'MESSAGE_UNKNOWN' });
    await session.run(asker, 'one', { id: 'first' });

    const fork = await sessions.fork('chat', { at: 'user one' });
    await expect(fork.regenerate()).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    const busy = { code: 'SESSION_BUSY', meta: { runId: 'first', status: 'waiting' } };
    await expect(session.cut({ after: 'user one' })).rejects.toMatchObject(busy);
    await expect(session.regenerate()).rejects.toMatchObject(busy);
    await expect(session.edit('user one', asker, 'x')).rejects.toMatchObject(busy);
    await expect(session.cut({ after: 'nobody' })).rejects.toMatchObject({ code: 'MESSAGE_UNKNOWN' });
    await engine.cancel({ tenant: 'default', run: 'first' });
    await engine.drive({ tenant: 'default', run: 'first' });
    await session.close();
    await expect(session.cut({ after: 'user one' })).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    await expect(session.regenerate()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });

  it('SES-9: hands out what a slot holds to keep, and nobody else sees what becomes of it', async () => {
    const sessions = createSessions(engineFor([asker], store()));
    const basket = defineSlot({ name: 'basket', schema: anything, initial: [] as string[] });
    (await (await sessions.open('ann', { tenant: 'ann' })).slot(basket)).push('of Ann');
    expect(await (await sessions.open('bob', { tenant: 'bob' })).slot(basket)).toEqual([]);
  });

  it('SES-10: is cut only if no other message has come', async () => {
    const inner = store();
    const definition = talker();
    let between = async (): Promise<void> => {};
    const slow: Store = {
      ...inner,
      async message(thread, id) {
        await between();
        return inner.message(thread, id);
      },
    };
    const session = await createSessions(engineFor([definition], slow)).open('chat');
    await session.run(definition, 'one');
    between = async () => {
      between = async () => {};
      await session.run(definition, 'two');
    };

    await expect(session.cut({ after: 'user one' })).rejects.toMatchObject({ code: 'THREAD_MOVED', meta: { head: 4 } });
    expect(await shown(session)).toEqual(['one', 'answer 1', 'two', 'answer 3']);
  });

  it('SES-10: can be forked at a message, twice the same being one, and each goes its own way', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition], store()));
    const session = await sessions.open('chat');
    for (const input of ['one', 'two']) await session.run(definition, input);

    const fork = await sessions.fork('chat', { at: 'answer to one', to: 'fork' });
    await sessions.fork('chat', { at: 'answer to one', to: 'fork' });

    await fork.run(definition, 'other');
    expect(await shown(fork)).toEqual(['one', 'answer 1', 'other', 'answer 3']);
    expect(await shown(session)).toEqual(['one', 'answer 1', 'two', 'answer 3']);
    const taken = { code: 'SESSION_EXISTS' };
    await expect(sessions.fork('chat', { at: 'user two', to: 'fork' })).rejects.toMatchObject(taken);
    await expect(sessions.fork('nobody', { at: 'x' })).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
    expect((await sessions.fork('chat', { at: 'user one' })).key.session).not.toBe('fork');
  });

  it('I9: a fork of more than one write copies is refused', async () => {
    const long: DurableDefinition<string, string> = {
      ...talker(),
      openingMessages: (input: Json) =>
        Array.from({ length: 1_000 }, (_item, n) => message(`${String(input)}-${n}`, 'user', String(input))),
    };
    const sessions = createSessions(engineFor([long], store()));
    const session = await sessions.open('chat');
    for (let n = 0; n < 10; n += 1) await session.run(long, `${n}`);

    const forked = sessions.fork('chat', { at: 'answer to 9', to: 'fork' });

    await expect(forked).rejects.toMatchObject({ code: 'FORK_TOO_LARGE' });
    expect(await sessions.get('fork')).toBeUndefined();
  });

  it('REC-1: a session that was imported without its content is not forked', async () => {
    const made = store();
    const sessions = createSessions(engineFor([talker()], made));
    const said = message('user one', 'user', '[12 characters]');
    await made.importSession({
      session: { key: { tenant: 'default', session: 'chat' }, createdAt: 0, cuts: [], floor: 0 },
      messages: [{ n: 1, message: said }],
      slots: [],
      grants: [],
      notes: [],
      blobs: [],
      imported: { digest: `sha256:${'0'.repeat(64)}`, redacted: true },
      latest: 0,
    });

    await expect(sessions.fork('chat', { at: 'user one', to: 'fork' })).rejects.toMatchObject({
      code: 'SESSION_REDACTED',
    });
    expect(await sessions.get('fork')).toBeUndefined();
  });

  it('SES-12: a turn carries what its caller says of it, before the message of the user', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition], store())).open('chat');

    const turnContext = ['It is Monday.', 'Ann looks at order 7.'];
    expect(await session.run(definition, 'one', { turnContext })).toMatchObject({ output: 'answer 2' });

    const { messages } = await session.history();
    expect(messages.map(({ message: { kind, role } }) => [kind, role])).toEqual([
      ['context', 'user'],
      ['user', 'user'],
      ['assistant', 'assistant'],
    ]);
    expect(textsOf(messages).slice(0, 2)).toEqual(turnContext);
    await expect(session.run(definition, 'x', { turnContext: [5 as never] })).rejects.toMatchObject({
      code: 'MESSAGE_INVALID',
    });
    await expect(session.run(definition, 'x', { turnContext: ['x'.repeat(1_100_000)] })).rejects.toMatchObject({
      code: 'VALUE_TOO_LARGE',
    });
  });
});
