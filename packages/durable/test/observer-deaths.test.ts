import { everyDeath, recordingObserver, type RecordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { bringMainRunToEnd, checkMainRun } from './main-run.ts';
import { checkTold } from './observed-rules.ts';
import { STORAGES } from './storages.ts';

describe.each(Object.entries(STORAGES))('observers of processes that die (%s)', (name, create) => {
  it('I3, TEL-1, TST-3: what was told is on record and was told once, whatever write a process dies at', async () => {
    let lives: RecordingObserver[] = [];
    const points = await everyDeath({
      create,
      async live(life) {
        if (life.number === 1) lives = [];
        const observer = recordingObserver({ traces: true });
        lives.push(observer);
        await bringMainRunToEnd(life, 0, [observer]);
      },
      async check({ store, lines }) {
        await checkMainRun(store, lines);
        const last = lives.at(-1);
        const told = await checkTold(store, { told: last ? [last] : [], died: lives.slice(0, -1) });
        expect(told.size).toBeGreaterThan(2);
      },
      every: name === 'memory' ? 3 : 17,
    });

    expect(points.size).toBeGreaterThan(3);
  }, 60_000);
});
