import { expect, it } from 'vitest';
import { builtCodes, pageOf, problemsOf, saidRetryable, testedIn, usesOf } from '../sync-errors.mjs';

const entry = { meaning: 'It is full.', cause: 'Too much.', retryable: false, fix: 'Less.' };
const listed = [{ package: 'shop', code: 'SHOP_FULL', entry }];
const path = 'packages/shop/src/shop.ts';

function problems(source: string, given: object = {}): readonly string[] {
  const repository = { listed, sources: new Map([[path, source]]), tested: new Set(['SHOP_FULL']), ...given };
  return problemsOf(repository);
}

const THROWN = `throw new PrusikError('SHOP_FULL', 'full');`;

it('ERR-1: a code that is used, told and tested is no problem', () => {
  expect(problems(THROWN)).toEqual([]);
});

it('ERR-1: a code without an entry is told with its place and with what to add where', () => {
  const [problem] = problems(`${THROWN}\nconst refusal = { code: 'SHOP_SHUT' };`);

  expect(problem).toMatch(/^packages\/shop\/src\/shop\.ts:2 uses the code SHOP_SHUT/);
  expect(problem).toContain('Add to packages/shop/errors.json');
  expect(problem).toContain('"SHOP_SHUT": { "meaning":');
});

it('ERR-1: an entry whose code is only compared or only mentioned is unused', () => {
  const unused = [expect.stringContaining('SHOP_FULL is made nowhere in packages/shop/src')];

  expect(problems(`if (isPrusikError(error, 'SHOP_FULL')) again();`)).toEqual(unused);
  expect(problems(`if (error.code === 'SHOP_FULL') again();`)).toEqual(unused);
  expect(problems(`// throws 'SHOP_FULL'\n/** 'SHOP_FULL' */`)).toEqual(unused);
  expect(problems(THROWN, { sources: new Map([['packages/other/src/a.ts', THROWN]]) })).toEqual(unused);
});

it('ERR-1: a code that no test names is told', () => {
  expect(problems(THROWN, { tested: new Set() })).toEqual([expect.stringContaining('no test names SHOP_FULL')]);
});

it('ERR-1: what an entry says about trying again is what the source says', () => {
  const again = `throw new PrusikError('SHOP_FULL', f('full'), {\n  retryable: true,\n});`;

  expect(saidRetryable(again)).toEqual([{ code: 'SHOP_FULL', retryable: true }]);
  expect(saidRetryable(THROWN)).toEqual([{ code: 'SHOP_FULL', retryable: false }]);
  expect(saidRetryable(`new PrusikError('SHOP_FULL', 'full', { cause, retryable })`)[0]?.retryable).toBe('depends');
  expect(problems(again)).toEqual([expect.stringContaining('with retryable true, its entry says false')]);
});

it('ERR-1: an entry has whole sentences, stands in one catalog, and its code is never put together', () => {
  const twice = [...listed, { package: 'other', code: 'SHOP_FULL', entry }];
  const half = [{ ...listed[0], entry: { ...entry, fix: 'Less' } }];

  expect(problems(THROWN, { listed: twice })).toContain(
    'SHOP_FULL stands in the catalogs of shop and other; keep it in one of them.',
  );
  expect(problems(THROWN, { listed: half })).toEqual([expect.stringContaining('SHOP_FULL.fix')]);
  expect(builtCodes(path, '\nconst code = `SHOP_${why}`;')).toEqual([`${path}:2`]);
  expect(usesOf(path, `sqlite === 'SQLITE_BUSY'`)).toEqual([]);
});

it('ERR-1: the page has a heading for each code', () => {
  expect(pageOf(listed)).toMatch(
    /\n## @prusik\/shop\n\n### SHOP_FULL\n\nIt is full\.\n\n- Cause: Too much\.\n- Fix: Less\.\n- Retryable: no\n$/,
  );
});

it('ERR-1: a test names a code where it does something, not in a comment or a title', () => {
  const titles = [
    "it('is IN_TITLE, it\\'s so', run);",
    "it.each([['IN_TABLE']])('gives IN_EACH_TITLE: %s', run);",
    'describe(`a IN_GROUP`, () => {});',
    "const one = { title: 'tells IN_TITLE_MEMBER', run };",
    '// IN_COMMENT',
    '/** IN_DOC */',
    "expect(error).toMatchObject({ code: 'IN_CHECK' });",
  ].join('\n');

  expect(testedIn(titles)).toEqual(['IN_TABLE', 'IN_CHECK']);
});
