import { AsyncLocalStorage } from 'node:async_hooks';
import type { Observer } from '@prusik/core';
import { recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { drivesOf } from './observed-calls.ts';
import { checkTold } from './observed-rules.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, key, turns } from './support.ts';

describe.each(Object.entries(STORES))('observers of an engine (%s)', (_store, create) => {
  it('TEL-2: a drive is told where the caller of the run and the drives before it stood in the trace, since when it waited and for what', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver({ traces: true });
    const twice = durable('twice', async (ctx) => {
      await ctx.receive('one');
      await ctx.receive('two');
    });
    await using engine = engineOn(store, [twice], { observers: [observer] });
    await engine.run('twice', null, { id: 'r' });
    for (const name of ['one', 'two']) {
      await engine.signal(key('r'), name, null);
      await engine.drive(key('r'));
    }

    const [first, second, third] = drivesOf(observer);
    const caller = observer.calls.find((call) => call.type === 'caller')?.trace;
    const journal = await entriesOf(store, key('r'));
    const [start, ...claims] = journal.flatMap((entry) =>
      entry.type === 'run-start' || entry.type === 'run-claim' ? [entry.trace] : [],
    );
    expect(start).toEqual(caller);
    expect(claims).toEqual([first?.trace, second?.trace, third?.trace]);
    expect(first?.drive).toMatchObject({ epoch: 1, attempt: 1, caller, waits: [] });
    expect(first?.drive).not.toHaveProperty('before');
    expect(first?.drive).not.toHaveProperty('parkedAt');
    const parks = journal.flatMap(({ type, at }) => (type === 'run-park' ? [at] : []));
    const waits = journal.flatMap((entry) => (entry.type === 'wait-start' ? [{ key: entry.key, at: entry.at }] : []));
    const from = { caller, first: first?.trace };
    expect(second?.drive).toMatchObject({
      epoch: 2,
      ...from,
      before: first?.trace,
      parkedAt: parks[0],
      waits: [waits[0]],
    });
    expect(third?.drive).toMatchObject({
      epoch: 3,
      ...from,
      before: second?.trace,
      parkedAt: parks[1],
      waits: [waits[1]],
    });
  });

  it('TEL-2: the caller of a start is asked in its own async context, and steps run inside what the observer gives them', async () => {
    await using opened = create();
    const here = new AsyncLocalStorage<string>();
    const callers: (string | undefined)[] = [];
    const inStep: unknown[] = [];
    const sound = recordingObserver({ traces: true });
    const observer: Observer = {
      ...sound,
      caller() {
        callers.push(here.getStore());
        return sound.caller();
      },
      drive(run, what) {
        const drive = sound.drive(run, what);
        return {
          ...drive,
          step(observed) {
            const step = drive.step(observed);
            return { ...step, inside: (body) => here.run(`step ${observed.key}`, () => step.inside(body)) };
          },
        };
      },
    };
    const look = durable('look', async (ctx) => {
      await ctx.step('s', async ({ trace }) => {
        await turns(1);
        inStep.push([here.getStore(), trace]);
      });
      inStep.push(here.getStore());
    });
    await using engine = engineOn(opened.store, [look], { observers: [observer] });

    await here.run('caller', () => engine.run('look', null, { id: 'r' }));
    await here.run('again', () => engine.startAgain(key('r'), { id: 'r2' }));

    expect(callers).toEqual(['caller', 'again']);
    const [step] = sound.calls.flatMap((call) => (call.type === 'step' ? [call] : []));
    expect(inStep).toEqual([['step s', step?.trace], undefined]);
  });

  it('TEL-2: a child begins where the drive of its parent stands, and is told as a run of its own', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver({ traces: true });
    const child = durable('child', (ctx) => ctx.step('s', () => 1));
    const parent = durable('parent', async (ctx) => (await ctx.child('c', 'child', null)).output);
    await using engine = engineOn(store, [parent, child], { observers: [observer] });

    await engine.run('parent', null, { id: 'r' });

    const drives = drivesOf(observer);
    const ofChild = drives.find(({ of }) => of.definition === 'child');
    const ofParent = drives.find(({ of }) => of.definition === 'parent');
    expect(ofChild).toMatchObject({
      of: { depth: 1, root: 'r', parent: { run: 'r', key: 'c' }, kind: 'function', version: '1' },
      drive: { caller: ofParent?.trace },
    });
    expect(Object.keys(ofChild?.of ?? {})).not.toEqual(expect.arrayContaining(['input', 'context', 'output']));
    await checkTold(store, { told: [observer] });
  });
});
