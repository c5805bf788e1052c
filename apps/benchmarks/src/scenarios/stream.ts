import { defineAgent } from '@prusik/agents';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { streamText } from 'ai';
import { alternate, atMost, atMostTimes, quantile, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { talkingModel, WORD } from '../talking-model.ts';
import { checkCompleted } from '../workload.ts';

/** Of one reply, in milliseconds. */
interface Sample {
  readonly total: number;
  /** p99 of the time from a chunk's saying to its reader. */
  readonly lag: number;
}

const prompt = 'Talk.';

/** Reads a reply of `chunks` pieces; whoever gets fewer has failed. */
async function listen(
  chunks: number,
  hear: (model: ReturnType<typeof talkingModel>, heard: () => void) => Promise<void>,
): Promise<Sample> {
  const saidAt = new Float64Array(chunks);
  const heardAt = new Float64Array(chunks);
  let count = 0;
  const start = performance.now();
  await hear(
    talkingModel(chunks, (chunk) => {
      saidAt[chunk] = performance.now();
    }),
    () => {
      heardAt[count] = performance.now();
      count += 1;
    },
  );
  const total = performance.now() - start;
  if (count !== chunks) throw new Error(`Of ${chunks} chunks ${count} were delivered`);
  return {
    total,
    lag: quantile(
      [...heardAt].map((at, chunk) => at - (saidAt[chunk] ?? Number.NaN)),
      0.99,
    ),
  };
}

const sdk = (chunks: number): Promise<Sample> =>
  listen(chunks, async (model, heard) => {
    for await (const _ of streamText({ model, prompt }).textStream) heard();
  });

const ours = (chunks: number): Promise<Sample> =>
  listen(chunks, async (model, heard) => {
    const store = memoryStore();
    const engine = createEngine({ store, definitions: [defineAgent({ name: 'talker', instructions: '', model })] });
    try {
      const { key } = await engine.start('talker', prompt);
      const read = async (): Promise<void> => {
        for await (const event of engine.events(key)) {
          if (!event.live || event.event.type !== 'step-delta') continue;
          // A reader that fell behind is given several as one.
          for (let at = 0; at < event.event.text.length; at += WORD.length) heard();
        }
      };
      const [result] = await Promise.all([engine.drive(key), read()]);
      checkCompleted(result);
    } finally {
      await engine[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    }
  });

const scenario = 'stream';

export const stream: Scenario = {
  name: scenario,
  about: '10,000 chunks of a reply, each delivered to a reader of events; floor: streamText().textStream of ai',
  async run(bench: Bench) {
    const chunks = bench.count(10_000);
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      await sdk(chunks);
      await ours(chunks);
    }
    const samples = await alternate(bench, { floor: () => sdk(chunks), ours: () => ours(chunks) });
    const totals = (of: readonly Sample[]) => of.map(({ total }) => (total * 1_000) / chunks);
    const lags = (of: readonly Sample[]) => of.map(({ lag }) => lag);
    return [
      {
        row: toRow(
          { scenario, subject: `${chunks} chunks`, unit: 'µs/chunk' },
          totals(samples.ours),
          totals(samples.floor),
        ),
        goal: atMostTimes(1),
      },
      {
        row: toRow(
          { scenario, subject: `${chunks} chunks, lag p99`, unit: 'ms' },
          lags(samples.ours),
          lags(samples.floor),
        ),
        goal: atMost(2, 'ms'),
      },
    ];
  },
};
