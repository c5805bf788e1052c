import * as published from '@prusik/workflows-delegation';
import { expect, it } from 'vitest';

it('publishes these names and no others', () => {
  expect(Object.keys(published).toSorted()).toEqual(['defineWorkflow']);
});
