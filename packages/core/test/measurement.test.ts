import { expect, it } from 'vitest';
import { emptyView, foldEvents, toMeasurement, type Entry, type MetricAttributes } from '../src/index.ts';

it('TEL-4: a measurement is a name, a number and few attributes', () => {
  expect(toMeasurement('counter', 'shop.orders_2', 0)).toEqual({ kind: 'counter', name: 'shop.orders_2', value: 0 });
  const attributes = { text: 'x'.repeat(64), nth: -1.5, on: false, left: undefined };
  expect(toMeasurement('histogram', 'a'.repeat(63), 1.5, attributes as unknown as MetricAttributes)).toEqual({
    kind: 'histogram',
    name: 'a'.repeat(63),
    value: 1.5,
    attributes: { text: 'x'.repeat(64), nth: -1.5, on: false },
  });
  expect(toMeasurement('counter', 'a', 1, {})).toEqual({ kind: 'counter', name: 'a', value: 1 });
});

const eight = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`a${n}`, n]));
it.each<[string, string, unknown, unknown?]>([
  ['a name with a capital', 'Orders', 1],
  ['a name that is empty', '', 1],
  ['a name that is too long', 'a'.repeat(64), 1],
  ['a name that begins with a digit', '1a', 1],
  ['a name with a space', 'a b', 1],
  ['a name that is none', undefined as unknown as string, 1],
  ['a name of the engine', 'prusik.runs', 1],
  ['a name of the conventions', 'gen_ai.tokens', 1],
  ['a value below 0', 'a', -1],
  ['a value that is not finite', 'a', Infinity],
  ['no number', 'a', Number.NaN],
  ['a value that is text', 'a', '1'],
  ['a ninth attribute', 'a', 1, { ...eight, more: 1 }],
  ['a long text', 'a', 1, { text: 'x'.repeat(65) }],
  ['half a character', 'a', 1, { text: '\ud800' }],
  ['an attribute that is no value', 'a', 1, { at: {} }],
  ['an attribute that is not finite', 'a', 1, { at: Infinity }],
  ['an attribute of no name', 'a', 1, { 'A b': 1 }],
  ['attributes that are a list', 'a', 1, ['x']],
  ['attributes that are null', 'a', 1, null],
])('TEL-4, ERR-3: %s is a TypeError', (_what, name, value, attributes) => {
  const measure = (): unknown => toMeasurement('counter', name, value as number, attributes as MetricAttributes);

  expect(measure).toThrow(TypeError);
});

it('TEL-4: a view has what its function has measured, and what each of its steps has', () => {
  const root = { tenant: 'default', run: 'r' };
  const one = toMeasurement('counter', 'one', 1);
  const two = toMeasurement('histogram', 'two', 2);
  const step = { key: 's', kind: 'step', fingerprint: '', attempt: 1, outcome: { ok: true }, durationMs: 1 } as const;
  const bodies = [
    { type: 'run-start', definition: 'd', version: '1' },
    { type: 'measure', measurements: [one] },
    { type: 'step-end', ...step, measurements: [two] },
    { type: 'measure', measurements: [two, one] },
  ] as const;
  const events = bodies.map((body, index) => ({
    run: root,
    live: false as const,
    entry: { ...body, seq: index + 1, at: 0 } as Entry,
  }));

  const view = foldEvents(emptyView(root), events as never).runs['r'];

  expect(view?.measurements).toEqual([one, two, one]);
  expect(view?.steps['s']?.measurements).toEqual([two]);
});
