import { memoryStore } from '@prusik/store-memory';
import type { Entry } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { exportRun, flowchart, flowOf, importRecords } from '../src/index.ts';
import { climb, linesOf, SECRET, tree } from './some-records.ts';

describe('names and shapes that somebody chose', () => {
  it.each(['secrets', 'content'] as const)(
    'REC-1: an id that is a credential stands nowhere in a bundle without %s, and the bundle is a record',
    async (redact) => {
      const store = memoryStore();
      await climb(store, SECRET);

      const lines = await linesOf(exportRun(store, tree(SECRET), { redact }));

      expect(lines.join('')).not.toContain(SECRET);
      expect(await importRecords(memoryStore(), lines)).toMatchObject({ outcome: 'imported', redacted: true });
    },
  );

  it('REC-2: two thousand steps beside one that lasts are drawn in the time of a few', () => {
    const step = (key: string, at: number, durationMs: number) =>
      ({
        type: 'step-end',
        key,
        fingerprint: '',
        kind: 'step',
        attempt: 1,
        outcome: { ok: true, value: null },
        durationMs,
        at,
      }) as const;
    const steps = Array.from({ length: 1_990 }, (_, place) => step(`s${place}`, 10 + place * 10, 5));
    const bodies = [
      { type: 'run-start', definition: 'd', version: '1', at: 0 },
      ...steps,
      step('long', 30_000, 29_990),
      { type: 'run-end', status: 'completed', at: 30_000 },
    ] as const;
    const entries = bodies.map((body, place): Entry => ({ ...body, seq: place + 1 }));
    const flow = flowOf([{ id: 'r', entries }]);

    const started = performance.now();
    expect(flowchart(flow)).toContain('flowchart TD');
    expect(performance.now() - started).toBeLessThan(15_000);
  }, 60_000);
});
