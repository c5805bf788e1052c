import { openRawJournal, type Synchronous } from '../raw-sqlite.ts';
import { adder, keptStream, sdkStream, withReader } from '../adder.ts';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { withEngine } from '../workload.ts';

const scenario = 'agent-loop-durable';

export const agentLoopDurable: Scenario = {
  name: scenario,
  about:
    'the same turns on store-sqlite, events read; floor: ToolLoopAgent.stream of ai, which stores nothing, and with raw rows',
  async run(bench: Bench) {
    const turns = bench.count(50);
    const perTurn = async (turn: (n: number) => Promise<void>): Promise<number> => {
      const ms = await timed(async () => {
        for (let n = 0; n < turns; n += 1) await turn(n);
      });
      return (ms * 1_000) / turns;
    };
    const ours = (synchronous: Synchronous, effect: 'repeatable' | 'once') => (): Promise<number> =>
      withEngine({ path: bench.newPath(), synchronous, definitions: [adder(effect)] }, (engine) =>
        perTurn((n) => withReader(engine, `turn-${n}`)),
      );
    const kept = (synchronous: Synchronous) => async (): Promise<number> => {
      const journal = openRawJournal(bench.newPath(), synchronous);
      try {
        return await perTurn(keptStream(journal));
      } finally {
        journal[Symbol.dispose]();
      }
    };
    const stream = (): Promise<number> => perTurn(sdkStream);
    const normal = ours('normal', 'repeatable');
    const rawNormal = kept('normal');
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      await stream();
      await rawNormal();
      await normal();
      await ours('normal', 'once')();
    }
    const samples = await alternate(bench, {
      stream,
      rawNormal,
      rawFull: kept('full'),
      normal,
      full: ours('full', 'repeatable'),
      once: ours('full', 'once'),
    });
    const row = (subject: string, of: readonly number[], floor = samples.stream) =>
      toRow({ scenario, subject, unit: 'µs/turn' }, of, floor);
    return [
      { row: row('NORMAL', samples.normal), goal: atMostTimes(1) },
      { row: row('FULL', samples.full), goal: atMostTimes(1.6) },
      { row: row('FULL, once tools', samples.once), goal: atMostTimes(2) },
      { row: row('NORMAL, against stream with raw rows', samples.normal, samples.rawNormal) },
      { row: row('FULL, against stream with raw rows', samples.full, samples.rawFull) },
    ];
  },
};
