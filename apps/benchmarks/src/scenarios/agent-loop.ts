import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { adder, bareLoop, sdkGenerate, sdkStream, withoutReader, withReader, type DurableTurn } from '../adder.ts';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const scenario = 'agent-loop';

export const agentLoop: Scenario = {
  name: scenario,
  about:
    'turns of 10 tool calls with a model that takes no time, store-memory; floor: ToolLoopAgent of ai, and a bare loop',
  async run(bench: Bench) {
    const turns = bench.count(100);
    const perTurn = async (turn: (id: string) => Promise<void>): Promise<number> => {
      const ms = await timed(async () => {
        for (let n = 0; n < turns; n += 1) await turn(`turn-${n}`);
      });
      return (ms * 1_000) / turns;
    };
    const ours = (effect: 'repeatable' | 'once', turn: DurableTurn) => async (): Promise<number> => {
      const store = memoryStore();
      const engine = createEngine({ store, definitions: [adder(effect)] });
      try {
        return await perTurn((id) => turn(engine, id));
      } finally {
        await engine[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      }
    };
    const subjects = {
      stream: () => perTurn(sdkStream),
      generate: () => perTurn(sdkGenerate),
      bare: () => perTurn(bareLoop),
      read: ours('repeatable', withReader),
      unread: ours('repeatable', withoutReader),
      once: ours('once', withReader),
    };
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      for (const work of Object.values(subjects)) await work();
    }
    const { stream, generate, bare, read, unread, once } = await alternate(bench, subjects);
    const row = (subject: string, of: readonly number[], floor: readonly number[]) =>
      toRow({ scenario, subject, unit: 'µs/turn' }, of, floor);
    return [
      { row: row('events read, against stream', read, stream), goal: atMostTimes(0.5) },
      { row: row('result only, against generate', unread, generate), goal: atMostTimes(1.2) },
      { row: row('result only, against a bare loop', unread, bare), goal: atMostTimes(3) },
      { row: row('once tools, events read, against stream', once, stream) },
    ];
  },
};
