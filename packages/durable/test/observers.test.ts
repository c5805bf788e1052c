import type { Observer, Store, TraceContext } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../src/index.ts';
import { drivesOf } from './observed-calls.ts';
import { checkTold } from './observed-rules.ts';
import { order } from './observed-runs.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';

describe('an engine and its observers', () => {
  it('TEL-3: an observer may call the engine, and nothing waits for it', async () => {
    const store = memoryStore();
    const started: Promise<unknown>[] = [];
    const sound = recordingObserver();
    const observer: Observer = {
      ...sound,
      drive(run, what) {
        const drive = sound.drive(run, what);
        return {
          ...drive,
          committed(entries, messages) {
            drive.committed(entries, messages);
            // What it starts is told as well, so it must stop somewhere.
            if (run.key.run === 'r') started.push(engine.run('order', null, { id: `r${entries[0]?.seq}` }));
            if (run.key.run === 'r') started.push(engine.signal(key('r'), 'x', null), engine.cancel(key('none')));
          },
        };
      },
    };
    await using engine = engineOn(store, [order], { observers: [observer] });

    const result = await engine.run('order', null, { id: 'r' });

    expect(result.status).toBe('completed');
    const results = await Promise.all(started);
    expect(results.filter((one) => (one as { status?: string }).status === 'completed')).toHaveLength(3);
    await checkTold(store, { told: [sound] });
  });

  it('TEL-1: several are told alike, and the first that knows where something stands is heeded', async () => {
    const store = memoryStore();
    const [plain, traced, other] = [
      recordingObserver(),
      recordingObserver({ traces: true }),
      recordingObserver({ traces: true }),
    ];
    const traces: (TraceContext | undefined)[] = [];
    const look = durable('look', (ctx) => ctx.step('s', ({ trace }) => void traces.push(trace)));
    await using engine = engineOn(store, [look], { observers: [plain, traced, other] });

    await engine.run('look', null, { id: 'r' });

    expect(plain.story('r')).toEqual(traced.story('r'));
    expect(other.story('r')).toEqual(traced.story('r'));
    expect(traces).toEqual(traced.calls.flatMap((call) => (call.type === 'step' ? [call.trace] : [])));
    expect((await entriesOf(store, key('r'))).flatMap((entry) => ('trace' in entry ? [entry.trace] : []))).toEqual([
      traced.calls[0]?.type === 'caller' ? traced.calls[0].trace : undefined,
      drivesOf(traced)[0]?.trace,
    ]);
  });

  it('TEL-3: an engine without observers reads and records nothing for them', async () => {
    const inner = memoryStore();
    let reads = 0;
    const store: Store = {
      ...inner,
      entries(run, query) {
        reads += 1;
        return inner.entries(run, query);
      },
    };
    await using engine = createEngine({ store, definitions: [order], observers: [] });

    await engine.run('order', null, { id: 'r' });

    expect(reads).toBe(0);
    expect(JSON.stringify(await entriesOf(inner, key('r')))).not.toContain('trace');
  });
});
