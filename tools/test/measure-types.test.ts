import { expect, it } from 'vitest';
import { figuresOf, median } from '../measure-types.mjs';

it('DEF-1: reads the figures of the compiler, times in milliseconds', () => {
  const figures = figuresOf(
    'Files:             296\nInstantiations:  10093\nMemory used:    55918K\nCheck time:     0.032s\n',
  );

  expect(Object.fromEntries(figures)).toEqual({
    Files: 296,
    Instantiations: 10_093,
    'Memory used': 55_918,
    'Check time': 32,
  });
});

it('DEF-1: compares medians', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});
