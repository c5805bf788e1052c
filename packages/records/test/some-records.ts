import {
  createRedactor,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type Message,
  type Redactor,
  type RunKey,
  type SessionKey,
  type Store,
} from '@prusik/core';
import { createEngine } from '@prusik/durable';

const TENANT = 'home';
export const tree = (run: string, tenant: string = TENANT): RunKey => ({ tenant, run });
export const talk = (session: string, tenant: string = TENANT): SessionKey => ({ tenant, session });

/** Stands in everything that somebody said, made or gave in these runs. */
export const CONTENT = 'ropes of Ann';
/** A credential in what was said. */
export const SECRET = 'sk-abcdef0123456789';

const said = (id: string, role: 'user' | 'assistant'): Message => ({
  v: 1,
  id,
  role,
  kind: role,
  content: [{ type: 'text', text: `${CONTENT} ${SECRET}` }],
});

/** A child that writes a message and fails with words of its own. */
const helper: DurableDefinition<Json, Json> = {
  name: 'helper',
  kind: 'function',
  version: '1',
  openingMessages: () => [said('asked', 'user')],
  async run(ctx: DurableContext) {
    await ctx.step('think', (step) => step.append(said('thought', 'assistant')));
    throw new Error(`no more ${CONTENT}`);
  },
};

/** A run with rows of every kind: steps that fail and succeed, at once and one by one, a child, a signal, requests, notes, slots, a blob, a timer. */
const climber: DurableDefinition<Json, Json> = {
  name: 'climber',
  kind: 'workflow',
  version: '1',
  agents: { helper },
  budget: { calls: 100 },
  openingMessages: (input: Json) => [said(`hello ${JSON.stringify(input)}`.slice(0, 100), 'user')],
  async run(ctx: DurableContext, input: Json) {
    await Promise.all([
      ctx.step('lefthand', () => `${CONTENT} left`),
      ctx.step('righthand', async (step) => {
        await step.artifact('route.md', `${CONTENT} route`, { type: 'text/markdown', title: CONTENT });
        step.append(said(`right of ${ctx.run.key.run}`, 'assistant'));
        step.note('goal', `${CONTENT} goal`);
        step.metrics.record('shop.weight', 3, { of: CONTENT, express: true });
        return { of: CONTENT, token: SECRET };
      }),
    ]);
    await ctx
      .step('fails', () => Promise.reject(new Error(`${CONTENT} fell`)), { retry: { attempts: 1 } })
      .catch(() => 0);
    await ctx.step('large', () => 'x'.repeat(300_000), { kind: 'tool', name: 'fetch' });
    ctx.emit('mark', { of: CONTENT });
    ctx.metrics.add('shop.orders', 2, { of: CONTENT });
    await ctx.child('help', 'helper', CONTENT).catch(() => 0);
    const answered = await ctx.request('leave', { kind: 'question', body: { ask: CONTENT } });
    const { timedOut } = await ctx.receive('word', { timeoutMs: 60_000 });
    return { input, answered: answered.value ?? null, timedOut, of: CONTENT };
  },
};

/** Runs one to its end, in a session where one is named. */
export async function climb(store: Store, id: string, session?: string): Promise<RunKey> {
  const engine = createEngine({ store, definitions: [climber, helper], limits: { parkAfterMs: 0 } });
  try {
    await engine.start(
      'climber',
      { id, of: `${CONTENT} ${SECRET}` },
      {
        id,
        tenant: TENANT,
        context: { user: CONTENT },
        ...(session === undefined ? {} : { session: { id: session, whenBusy: 'queue' } }),
      },
    );
    const asked = await engine.drive(tree(id));
    const request = asked.status === 'waiting' ? (asked.requests[0]?.request ?? '') : '';
    await engine.decide(tree(id), request, { status: 'answered', value: `${CONTENT} yes`, by: 'ann' });
    await engine.drive(tree(id));
    await engine.signal(tree(id), 'word', { said: CONTENT });
    const end = await engine.drive(tree(id));
    if (end.status !== 'completed') throw new Error(`Run ${id} is ${end.status}: ${JSON.stringify(end)}`);
    return tree(id);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** Leaves one that waits for a person. */
export async function waits(store: Store, id: string, tenant: string = TENANT): Promise<RunKey> {
  const engine = createEngine({ store, definitions: [climber, helper], limits: { parkAfterMs: 0 } });
  await engine.start('climber', { id, of: CONTENT }, { id, tenant });
  await engine.drive(tree(id, tenant));
  await engine[Symbol.asyncDispose]();
  return tree(id, tenant);
}

/** Answers it, and drives it to its next wait. */
export async function goesOn(store: Store, key: RunKey): Promise<void> {
  const engine = createEngine({ store, definitions: [climber, helper], limits: { parkAfterMs: 0 } });
  const { items } = await store.listRequests({ tenant: key.tenant, run: key.run, limit: 1 });
  await engine.decide(key, items[0]?.id ?? '', { status: 'answered', value: 1 });
  await engine.drive(key);
  await engine[Symbol.asyncDispose]();
}

export async function closed(store: Store, id: string): Promise<SessionKey> {
  for (const life of ['closing', 'closed'] as const) await store.moveSession(talk(id), life);
  return talk(id);
}

/** All lines. */
export async function linesOf(bundle: AsyncIterable<string>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of bundle) lines.push(line);
  return lines;
}

export const anonymous: Redactor = createRedactor({
  redact: (text) => text.replaceAll('ann', 'somebody'),
  bounds: { textChars: Infinity, valueChars: Infinity, nodes: Infinity },
});
