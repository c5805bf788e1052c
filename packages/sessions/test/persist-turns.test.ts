import { type DurableDefinition, type Json, type Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { dyingStore, fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { persistTurns, type FinishedTurn, type PersistOptions } from '../src/index.ts';
import { message } from './support.ts';

const key = { tenant: 'default', run: 'r' };

function talker(ends: 'well' | 'badly' = 'well'): DurableDefinition<Json, string> {
  return {
    name: 'talker',
    kind: 'agent',
    version: '1',
    openingMessages: (input) => [message('u1', 'user', String(input))],
    run: (ctx) =>
      ctx.step('model', (step) => {
        if (ends === 'badly') throw new Error('no');
        step.append(message('a1', 'assistant', 'Hello.'));
        return 'Hello.';
      }),
  };
}

/** A table of somebody else's: it keeps what it is handed under the key that comes with it. */
function table(failing = 0) {
  const rows = new Map<string, string>();
  let tries = 0;
  const persist = ({ idempotencyKey, outcome, messages }: FinishedTurn): void => {
    tries += 1;
    if (tries <= failing) throw new Error('The table is locked');
    rows.set(idempotencyKey, `${outcome}: ${messages.map(({ id }) => id).join()}`);
  };
  return { rows, persist, tries: () => tries };
}

async function drive(
  store: Store,
  persist: (turn: FinishedTurn) => void,
  options: PersistOptions = {},
  ends?: 'badly',
) {
  const definition = persistTurns(talker(ends), persist, options);
  const engine = createEngine({ store, definitions: [definition], limits: { parkAfterMs: 0 } });
  try {
    return await engine.run('talker', 'Hi', { id: key.run });
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

describe('EVT-6: a finished turn is kept elsewhere', () => {
  it('with what it added, whichever way it ended', async () => {
    const good = table();
    expect(await drive(memoryStore(), good.persist)).toMatchObject({ status: 'completed', output: 'Hello.' });
    expect([...good.rows.values()]).toEqual(['completed: u1,a1']);
    const bad = table();
    expect(await drive(memoryStore(), bad.persist, {}, 'badly')).toMatchObject({ status: 'failed' });
    expect([...bad.rows.values()]).toEqual(['failed: u1']);
  });

  it('DUR-5: at least once and under one key, at whatever call of the store its process dies', async () => {
    let points = 0;
    for (const when of ['before', 'after'] as const)
      for (let dieAt = 1; ; dieAt += 1) {
        const clock = fakeClock();
        const store = memoryStore({ clock });
        const { rows, persist } = table();
        const dying = dyingStore(store, dieAt, when);
        const ended = await Promise.race([drive(dying.store, persist), dying.died]);
        if (typeof ended !== 'string') break;
        points += 1;
        clock.advance(60_000);
        expect(await drive(store, persist), `${when} ${dieAt}`).toMatchObject({ status: 'completed' });
        expect([...rows.values()], `${when} ${dieAt}`).toEqual(['completed: u1,a1']);
      }
    expect(points).toBeGreaterThan(6);
  });

  it('AGT-13: is tried again, and given up within a bound, without a word about the turn’s own outcome', async () => {
    const locked = table(2);
    expect(await drive(memoryStore(), locked.persist, { attempts: 3 })).toMatchObject({ status: 'completed' });
    expect(locked.rows.size).toBe(1);

    const broken = table(Number.POSITIVE_INFINITY);
    const store = memoryStore();
    expect(await drive(store, broken.persist, { attempts: 2 })).toMatchObject({
      status: 'completed',
      output: 'Hello.',
    });
    expect(broken.tries()).toBe(2);
    const entries = await store.entries(key, { after: 0, limit: 100 });
    expect(entries.find((entry) => entry.type === 'step-end' && entry.key === 'chat:persist')).toMatchObject({
      outcome: { ok: false },
    });
  });

  it('stays with an agent that is bound to its model later', async () => {
    const { rows, persist } = table();
    const agent = { ...talker(), bind: () => talker() };
    const bound = persistTurns(agent, persist).bind();
    const engine = createEngine({ store: memoryStore(), definitions: [bound] });
    await engine.run('talker', 'Hi');
    await engine[Symbol.asyncDispose]();
    expect(rows.size).toBe(1);
  });
});
