import type { Measurement } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { expect, it } from 'vitest';
import { telemetry } from '../src/index.ts';
import { byHand } from './by-hand.ts';
import { pointsOf, recorded } from './recorded.ts';

const counted = (name: string, value = 1, attributes?: Measurement['attributes']): Measurement => ({
  kind: 'counter',
  name,
  value,
  ...(attributes === undefined ? {} : { attributes }),
});

it('TEL-4: what a program measures, in its functions and in its steps, are counters and histograms of the same names', async () => {
  const sdk = recorded();
  const engine = createEngine({
    store: memoryStore(),
    observers: [telemetry({ tracerProvider: sdk.tracerProvider, meterProvider: sdk.meterProvider })],
    definitions: [
      {
        name: 'orders',
        kind: 'function',
        version: '1',
        async run(ctx) {
          ctx.metrics.add('shop.orders', 2, { country: 'is', express: true });
          ctx.metrics.add('shop.orders', 1, { express: true, country: 'is' });
          await ctx.step('weigh', ({ metrics }) => {
            metrics.record('shop.weight', 1.5);
            metrics.record('shop.weight', 2.5);
          });
          await ctx
            .step('fail', ({ metrics }) => {
              metrics.add('shop.orders', 1, { country: 'no' });
              throw new Error('no');
            })
            .catch(() => {});
        },
      },
    ],
  });
  await engine.run('orders', null);
  await engine[Symbol.asyncDispose]();

  const all = await sdk.metrics();
  expect(pointsOf(all.get('shop.orders'))).toEqual([
    { attributes: { country: 'is', express: true }, value: 3 },
    { attributes: { country: 'no' }, value: 1 },
  ]);
  expect(pointsOf(all.get('shop.weight'))).toEqual([{ attributes: {}, value: { count: 2, sum: 4 } }]);
  expect(all.has('prusik.metrics.dropped')).toBe(false);
});

it('TEL-4: a run that another engine takes up is replayed, and nothing that is on record is told again', async () => {
  const sdk = recorded();
  const store = memoryStore();
  const taking = () =>
    createEngine({
      store,
      limits: { parkAfterMs: 0 },
      observers: [telemetry({ tracerProvider: sdk.tracerProvider, meterProvider: sdk.meterProvider })],
      definitions: [
        {
          name: 'orders',
          kind: 'function',
          version: '1',
          async run(ctx) {
            ctx.metrics.add('shop.orders');
            await ctx.step('weigh', ({ metrics }) => metrics.record('shop.weight', 2));
            await ctx.receive('go');
            ctx.metrics.add('shop.orders');
          },
        },
      ],
    });
  const [first, second] = [taking(), taking()];
  const { run } = await first.run('orders', null);
  await second.signal(run, 'go', null);

  expect(await second.drive(run)).toMatchObject({ status: 'completed' });
  const all = await sdk.metrics();
  expect(pointsOf(all.get('shop.orders'))).toEqual([{ attributes: {}, value: 2 }]);
  expect(pointsOf(all.get('shop.weight'))).toEqual([{ attributes: {}, value: { count: 1, sum: 2 } }]);
  for (const engine of [first, second]) await engine[Symbol.asyncDispose]();
});

it('TEL-4: sets of attributes of one metric are bounded, and all further ones are one', async () => {
  const { drive, metrics } = byHand();
  const driven = drive();

  for (let id = 0; id < 1_100; id += 1)
    driven.commit({ type: 'measure', measurements: [counted('visits', 1, { user: id }), counted('others')] });
  driven.over();

  const all = await metrics();
  const points = pointsOf(all.get('visits'));
  expect(points).toHaveLength(1_001);
  expect(points.at(-1)).toEqual({ attributes: { 'otel.metric.overflow': true }, value: 100 });
  expect(pointsOf(all.get('others'))).toEqual([{ attributes: {}, value: 1_100 }]);
});

it('TEL-4: metrics that a program makes up from data are bounded, and what is dropped is counted', async () => {
  const { drive, metrics } = byHand();
  const driven = drive();

  for (let n = 0; n < 210; n += 1) driven.commit({ type: 'measure', measurements: [counted(`made.${n}`)] });
  driven.commit({
    type: 'measure',
    measurements: [{ kind: 'histogram', name: 'made.0', value: 4 }, counted('made.0')],
  });
  driven.over();

  const all = await metrics();
  expect([...all.keys()].filter((name) => name.startsWith('made.'))).toHaveLength(200);
  expect(pointsOf(all.get('made.0'))).toEqual([{ attributes: {}, value: 2 }]);
  expect(pointsOf(all.get('prusik.metrics.dropped'))).toEqual([
    { attributes: { 'prusik.metrics.dropped.why': 'too_many_metrics' }, value: 10 },
    { attributes: { 'prusik.metrics.dropped.why': 'other_kind' }, value: 1 },
  ]);
});
