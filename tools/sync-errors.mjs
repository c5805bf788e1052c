// Writes docs/errors.md from the error catalogs, packages/*/errors.json, and holds them against the sources: a code that is used has one
// entry, an entry is used, and a test meets it. With --check nothing is written, and drift fails.
//
// The catalogs are files of their own, so that no program loads them that does not ask (`@prusik/core/errors.json`).
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

/** @typedef {{ meaning: string, cause: string, retryable: boolean | 'depends', fix: string }} ErrorEntry */
/** @typedef {{ package: string, code: string, entry: ErrorEntry }} Listed */
/** @typedef {{ code: string, at: string, compared: boolean }} Use */

const PAGE = 'docs/errors.md';
const SOURCES = 'packages/*/src/**/*.ts';
/** The contract suites are tests too, wherever an adapter runs them. */
const TESTS = [
  '{packages,apps}/*/test/**/*.ts',
  'examples/test/**/*.ts',
  'packages/testing-contracts/src/**/*-tests.ts',
];
const CODE = '[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+';
/** Words of the wider world that look like one of our codes. */
const FOREIGN =
  /^(?:(?:SQLITE|ERR|UND_ERR|CLIENT_HTTP)_.*|CONNECTION_CLOSED|NO_COLOR|PRUSIK_DB|INVALID_RESULT|UNSUPPORTED_RESULT_TYPE)$/;
const TEMPLATE = `"meaning": "What is so now, and what was kept.", "cause": "Why it comes about.", "retryable": false, "fix": "What to do."`;
const INTRODUCTION = `# Errors

Every condition is a \`PrusikError\` with a \`code\`. Branch on the code: it is stable within a major version, the message is not. Some codes
are thrown, some are what a run failed or is blocked with, some are a warning, some are what a model reads as the result of a tool: the entry says it.

_Retryable_ says whether the same call may succeed later without a change by the caller (\`error.retryable\`); where it depends, ask the error.
Wrong arguments are a \`TypeError\` without a code: mistakes in a program are mended, not handled.

The same as data: \`import errors from '@prusik/core/errors.json' with { type: 'json' }\`, and so for each package.

Written by \`npm run errors\` from \`packages/*/errors.json\`.
`;

/** The source with its comments as blanks, so that what is only told of is no use. @param {string} source */
const withoutComments = (source) =>
  source.replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/(^|\s)\/\/.*$/gm, '$1');

const TITLE = [
  /\b(?:it|test|describe)(?:\.\w+)*\(\s*(['"`])(?:\\.|(?!\1)[^\\])*\1/g,
  /\)\(\s*(['"`])(?:\\.|(?!\1)[^\\])*\1/g,
  /\btitle:\s*(['"`])(?:\\.|(?!\1)[^\\])*\1/g,
];

/**
 * The codes that a test names where it does something: not in a comment, nor in the title of a test.
 *
 * @param {string} source
 * @returns {string[]}
 */
export function testedIn(source) {
  const text = TITLE.reduce((left, title) => left.replace(title, ' '), withoutComments(source));
  return text.match(new RegExp(CODE, 'g')) ?? [];
}

/**
 * The codes that stand in a source as a string. `compared` where it is only looked for (`isPrusikError(error, 'X')`, `=== 'X'`, `case 'X'`).
 *
 * @param {string} path
 * @param {string} source
 * @returns {Use[]}
 */
export function usesOf(path, source) {
  const text = withoutComments(source);
  return [...text.matchAll(new RegExp(`'(${CODE})'`, 'g'))].flatMap(({ 1: code = '', index }) => {
    if (FOREIGN.test(code)) return [];
    const before = text.slice(Math.max(0, index - 120), index);
    const line = text.slice(0, index).split('\n').length;
    return [{ code, at: `${path}:${line}`, compared: /(isPrusikError\([^')]*|[!=]==\s+|\bcase )$/.test(before) }];
  });
}

/** Codes that are put together and could be found by nobody. @param {string} path @param {string} source */
export function builtCodes(path, source) {
  const text = withoutComments(source);
  return [...text.matchAll(/`[A-Z]+_\$\{/g)].map(({ index }) => `${path}:${text.slice(0, index).split('\n').length}`);
}

/**
 * What each `new PrusikError('CODE', …)` of a source says about trying again.
 *
 * @param {string} source
 * @returns {{ code: string, retryable: boolean | 'depends' }[]}
 */
export function saidRetryable(source) {
  const text = withoutComments(source);
  return [...text.matchAll(new RegExp(`new PrusikError\\(\\s*'(${CODE})'`, 'g'))].map(({ 1: code = '', index }) => {
    const call = text.slice(index, endOfCall(text, index));
    const said = /\bretryable(?:: ([^,}]+)|\b)/.exec(call);
    if (said === null) return { code, retryable: /\.\.\.options|, options\)$/.test(call) ? 'depends' : false };
    return { code, retryable: said[1]?.trim() === 'true' ? true : 'depends' };
  });
}

/** @param {string} text @param {number} from */
function endOfCall(text, from) {
  let depth = 0;
  for (let at = text.indexOf('(', from); at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')' && (depth -= 1) === 0) return at + 1;
  }
  return text.length;
}

/**
 * What is wrong, each with what to do about it.
 *
 * @param {{ listed: Listed[], sources: ReadonlyMap<string, string>, tested: ReadonlySet<string> }} repository
 */
export function problemsOf({ listed, sources, tested }) {
  const uses = [...sources].flatMap(([path, source]) => usesOf(path, source));
  const known = new Map(listed.map((one) => [one.code, one]));
  /** @type {string[]} */
  const problems = [];

  const missing = new Map(uses.filter(({ code }) => !known.has(code)).map((use) => [use.code, use]));
  for (const { code, at } of missing.values()) {
    const home = at.split('/').slice(0, 2).join('/');
    problems.push(
      `${at} uses the code ${code}, which no catalog knows. Add to ${home}/errors.json, in the order of the alphabet:\n    "${code}": { ${TEMPLATE} },\n  If it is no error code, add it to FOREIGN in tools/sync-errors.mjs.`,
    );
  }
  for (const [path, source] of sources)
    for (const at of builtCodes(path, source))
      problems.push(`${at} puts a code together; write it out ('RUN_PARKED'), so that it can be found.`);
  for (const { package: home, code, entry } of listed) {
    const file = `packages/${home}/errors.json`;
    if (!uses.some((use) => use.code === code && !use.compared && use.at.startsWith(`packages/${home}/`)))
      problems.push(
        `${file}: ${code} is made nowhere in packages/${home}/src; remove it, or move it to the package that makes it.`,
      );
    if (!tested.has(code))
      problems.push(`${file}: no test names ${code}; write one that meets it. A comment or a title does not count.`);
    problems.push(...entryProblems(code, entry).map((problem) => `${file}: ${problem}`));
  }
  for (const code of new Set(listed.map((one) => one.code))) {
    const homes = listed.filter((one) => one.code === code).map((one) => one.package);
    if (homes.length > 1)
      problems.push(`${code} stands in the catalogs of ${homes.join(' and ')}; keep it in one of them.`);
  }
  for (const [path, source] of sources)
    for (const { code, retryable } of saidRetryable(source)) {
      const told = known.get(code)?.entry.retryable;
      if (told !== undefined && told !== 'depends' && retryable !== 'depends' && told !== retryable)
        problems.push(
          `${path} throws ${code} with retryable ${retryable}, its entry says ${told}; mend one of them, or let the entry say "depends".`,
        );
    }
  return problems;
}

/** @param {string} code @param {ErrorEntry} entry */
function entryProblems(code, entry) {
  const problems = [];
  if (!new RegExp(`^${CODE}$`).test(code))
    problems.push(`${code} is no code: two words or more, in capitals, joined by _`);
  for (const field of /** @type {const} */ (['meaning', 'cause', 'fix'])) {
    const text = entry[field];
    if (typeof text !== 'string' || !/^\S.*\.$/.test(text))
      problems.push(`${code}.${field} has to be a sentence that ends with a full stop`);
  }
  if (![true, false, 'depends'].includes(entry.retryable))
    problems.push(`${code}.retryable has to be true, false or "depends"`);
  return problems;
}

/** @param {Listed[]} listed */
export function pageOf(listed) {
  const packages = [...new Set(listed.map((one) => one.package))].toSorted();
  const sections = packages.flatMap((name) => [
    `## @prusik/${name}`,
    ...listed.filter((one) => one.package === name).map(({ code, entry }) => describe(code, entry)),
  ]);
  return [INTRODUCTION.trim(), ...sections].join('\n\n') + '\n';
}

/** @param {string} code @param {ErrorEntry} entry */
function describe(code, { meaning, cause, retryable, fix }) {
  const again = { true: 'yes', false: 'no', depends: 'depends' }[String(retryable)];
  return `### ${code}\n\n${meaning}\n\n- Cause: ${cause}\n- Fix: ${fix}\n- Retryable: ${again}`;
}

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');
/** @param {string | string[]} patterns */
const find = (patterns) => globSync(patterns, { cwd: root }).map((path) => path.replaceAll('\\', '/'));

/** @returns {Listed[]} */
function readCatalogs() {
  return find('packages/*/errors.json')
    .toSorted()
    .flatMap((path) => {
      const name = path.split('/')[1] ?? '';
      const entries = /** @type {Record<string, ErrorEntry>} */ (JSON.parse(read(path)));
      const codes = Object.keys(entries);
      const misplaced = codes.find((code, index) => index > 0 && code < /** @type {string} */ (codes[index - 1]));
      if (misplaced !== undefined)
        throw new Error(`${path}: ${misplaced} stands too late; keep the order of the alphabet`);
      return Object.entries(entries).map(([code, entry]) => ({ package: name, code, entry }));
    });
}

function main() {
  const listed = readCatalogs();
  const tests = find(TESTS);
  const sources = new Map(
    find(SOURCES)
      .filter((path) => !tests.includes(path))
      .map((path) => [path, read(path)]),
  );
  const tested = new Set(tests.flatMap((path) => testedIn(read(path))));
  const problems = problemsOf({ listed, sources, tested });
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`${listed.length} codes, each with a test that names it`);
  const page = pageOf(listed);
  if (find(PAGE).length === 1 && page === read(PAGE)) return console.log(`${PAGE} tells what the catalogs hold`);
  if (!process.argv.includes('--check')) return writeFileSync(join(root, PAGE), page);
  console.error(`${PAGE} differs from the catalogs; run npm run errors`);
  process.exitCode = 1;
}

if (process.argv[1]?.endsWith('sync-errors.mjs')) main();
