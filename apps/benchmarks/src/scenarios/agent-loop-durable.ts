import type { Synchronous } from '../raw-sqlite.ts';
import { adder, sdkStream, withReader } from '../adder.ts';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { withEngine } from '../workload.ts';

const scenario = 'agent-loop-durable';

export const agentLoopDurable: Scenario = {
  name: scenario,
  about: 'the same turns on store-sqlite, events read; floor: ToolLoopAgent.stream of ai, which stores nothing',
  async run(bench: Bench) {
    const turns = bench.count(50);
    const perTurn = async (turn: (id: string) => Promise<void>): Promise<number> => {
      const ms = await timed(async () => {
        for (let n = 0; n < turns; n += 1) await turn(`turn-${n}`);
      });
      return (ms * 1_000) / turns;
    };
    const ours = (synchronous: Synchronous, effect: 'repeatable' | 'once') => (): Promise<number> =>
      withEngine({ path: bench.newPath(), synchronous, definitions: [adder(effect)] }, (engine) =>
        perTurn((id) => withReader(engine, id)),
      );
    const stream = (): Promise<number> => perTurn(sdkStream);
    const normal = ours('normal', 'repeatable');
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      await stream();
      await normal();
      await ours('normal', 'once')();
    }
    const samples = await alternate(bench, {
      stream,
      normal,
      full: ours('full', 'repeatable'),
      once: ours('full', 'once'),
    });
    const row = (subject: string, of: readonly number[]) =>
      toRow({ scenario, subject, unit: 'µs/turn' }, of, samples.stream);
    return [
      { row: row('NORMAL', samples.normal), goal: atMostTimes(1) },
      { row: row('FULL', samples.full), goal: atMostTimes(1.6) },
      { row: row('FULL, once tools', samples.once), goal: atMostTimes(2) },
    ];
  },
};
