import { exportRun, importRecords } from '@prusik/records';
import { alternate, atMost, timed, toRow, type Result } from '../measure.ts';
import { openRawJournal, type RawJournal } from '../raw-sqlite.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { keyOf, sequence, withEngine } from '../workload.ts';

const scenario = 'export';
const unit = 'ms';
const ID = 'long';

export const exportTime: Scenario = {
  name: scenario,
  about: 'a run of 5,000 entries as lines of a bundle, and back; floor: raw select and JSON.parse of the same rows',
  async run(bench: Bench) {
    const entries = bench.count(5_000);
    const results: Result[] = [];
    await withEngine(
      { path: bench.newPath(), synchronous: 'normal', definitions: [sequence] },
      async (engine, store) => {
        // Its start, its claim and its end are entries too.
        await engine.run('sequence', { steps: entries - 3, effect: 'repeatable' }, { id: ID });
        const raw = openRawJournal(bench.newPath(), 'normal');
        try {
          for (let after = 0; ;) {
            const page = await store.entries(keyOf(ID), { after, limit: 1_000 });
            const last = page.at(-1);
            if (last === undefined) break;
            raw.inTransaction(() => {
              for (const entry of page) raw.insertEntry(1, entry.seq, JSON.stringify(entry));
            });
            after = last.seq;
          }
          const exported = (redact: 'none' | 'secrets' | 'content') =>
            timed(async () => {
              let lines = 0;
              for await (const line of exportRun(store, keyOf(ID), { redact }))
                lines += line.startsWith('{"entry"') ? 1 : 0;
              if (lines !== entries) throw new Error(`There are ${lines} entries, not ${entries}`);
            });
          const samples = await alternate(bench, {
            floor: () => timed(async () => readRaw(raw, entries)),
            none: () => exported('none'),
            secrets: () => exported('secrets'),
            content: () => exported('content'),
          });
          for (const redact of ['none', 'secrets', 'content'] as const)
            results.push({
              row: toRow(
                { scenario, subject: `${entries} entries, redact: ${redact}`, unit },
                samples[redact],
                samples.floor,
              ),
              goal: atMost(200, unit),
            });

          const lines: string[] = [];
          for await (const line of exportRun(store, keyOf(ID), { redact: 'none' })) lines.push(line);
          let tenants = 0;
          const imported = await alternate(bench, {
            floor: () => timed(async () => readRaw(raw, entries)),
            ours: () => timed(async () => void (await importRecords(store, lines, { into: `away-${(tenants += 1)}` }))),
          });
          results.push({
            row: toRow({ scenario, subject: `${entries} entries, imported`, unit }, imported.ours, imported.floor),
          });
        } finally {
          raw[Symbol.dispose]();
        }
      },
    );
    return results;
  },
};

function readRaw(raw: RawJournal, entries: number): void {
  const read = raw.entries(1).length;
  if (read !== entries) throw new Error(`The floor has ${read} entries, not ${entries}`);
}
