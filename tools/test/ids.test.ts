import { expect, it } from 'vitest';
import { citedIds, promises } from '../check-ids.mjs';

it('finds ids in the titles of tests only', () => {
  const source = `
// REQ-1 in a comment is no citation
describe('DUR-4 and DUR-5', () => {
  it("SBX-5: it isn't UTF-8", () => check('AGT-1'));
  it.each([1, 2])(\`WFL-12: %s\`, () => {});
  test.concurrent('SES-3: …', () => {});
  it(
    'DEF-8: broken over lines',
    () => {},
  );
});
const suite = [{ title: 'SBX-2, I12: from a table', run }];`;

  expect([...citedIds(source)]).toEqual(['DUR-4', 'DUR-5', 'SBX-5', 'WFL-12', 'SES-3', 'DEF-8', 'SBX-2', 'I12']);
});

it('finds the promises of a page and which are planned as a whole, not what its prose mentions', () => {
  const page = `
- DUR-1 Identity, see REQ-2.
- **DUR-2** Claim. Renewal is (planned).
- DUR-3 A fork of a run, of its ledger too (planned, but for the ledger).
- DUR-4 Both. Of them (planned). And these (planned).
  AGT-3

|    | invariant        |
| -- | ---------------- |
| I1 | A commit is one. |
`;

  expect([...promises(page)]).toEqual([
    ['DUR-1', false],
    ['DUR-2', false],
    ['DUR-3', true],
    ['DUR-4', false],
    ['I1', false],
  ]);
});
