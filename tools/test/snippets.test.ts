import { expect, it } from 'vitest';
import { region, syncPage } from '../sync-snippets.mjs';

const source = `import assert from 'node:assert';
{
  // #region outer
  const one = 1;
  // #region inner
  if (one) {
    one();
  }
  // #endregion inner
  // #endregion outer
}
`;

it('takes the lines of a region without common indentation and inner markers', () => {
  expect(region(source, 'outer')).toBe('const one = 1;\nif (one) {\n  one();\n}');
});

it('fills an empty marker, replaces an old block, leaves other blocks alone, and is idempotent', () => {
  const page = `# Title

<!-- snippet: a.ts#inner -->

<!-- snippet: a.ts#outer -->

\`\`\`ts
old();
\`\`\`

\`\`\`sh
npm test
\`\`\`
`;
  const once = syncPage(page, () => source);

  expect(once).toBe(`# Title

<!-- snippet: a.ts#inner -->

\`\`\`ts
if (one) {
  one();
}
\`\`\`

<!-- snippet: a.ts#outer -->

\`\`\`ts
const one = 1;
if (one) {
  one();
}
\`\`\`

\`\`\`sh
npm test
\`\`\`
`);
  expect(syncPage(once, () => source)).toBe(once);
});

it('refuses a region that is not there or does not end', () => {
  expect(() => region(source, 'nowhere')).toThrow('there is no region "nowhere"');
  expect(() => region('// #region open\n', 'open')).toThrow('there is no region "open"');
});
