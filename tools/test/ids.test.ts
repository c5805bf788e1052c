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
const suite = [{ title: 'SBX-2: from a table', run }];`;

  expect([...citedIds(source)]).toEqual(['DUR-4', 'DUR-5', 'SBX-5', 'WFL-12', 'SES-3', 'DEF-8', 'SBX-2']);
});

it('finds the promises of a page and which are planned, not what its prose mentions', () => {
  const page = '- DUR-1 Identity, see REQ-2.\n- **DUR-2** Claim. Renewal is (planned).\n  AGT-3\n';

  expect([...promises(page)]).toEqual([
    ['DUR-1', false],
    ['DUR-2', true],
  ]);
});
