import { expect, it } from 'vitest';
import { section, unknownTests } from '../sync-mutants.mjs';

const tests = [{ title: 'DUR-1: a | b' }, { title: 'DUR-2: c', needs: 'durable' }];

it('TST-2: names each test with what it notices', () => {
  const faults = [
    { name: 'one', caughtBy: 'a |' },
    { name: 'two', caughtBy: 'DUR-1' },
    { name: 'three', caughtBy: 'DUR-2' },
  ];

  expect(section('Stores', tests, faults)).toBe(`## Stores

2 tests, 3 broken adapters.

| test | fails when |
| --- | --- |
| DUR-1: a \\| b | one; two |
| DUR-2: c (only \`durable\`) | three |
`);
});

it('TST-2: refuses a test that notices nothing', () => {
  expect(() => section('Stores', tests, [{ name: 'one', caughtBy: 'DUR-1' }])).toThrow('DUR-2: c');
});

it('TST-2: finds tests that a page names and that are not there', () => {
  const named = unknownTests('| a mistake | DUR-2: c |\n| another | DUR-1: a … |\n| one more | DUR-1: b   |\n', tests);

  expect(named).toEqual(['DUR-1: b']);
});
