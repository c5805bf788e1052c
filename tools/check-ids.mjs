// Which promises have a test: behaviours such as DUR-4, promised in docs/behaviours.md as `- DUR-4 …`, and invariants such
// as I4, rows of a table in docs/architecture.md; both are cited in the titles of tests. Fails on a cited id that nothing
// promises, and on a promise without a test that is not planned as a whole.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

const PAGES = ['docs/behaviours.md', 'docs/architecture.md'];
const ID = String.raw`(?:[A-Z]{2,4}-\d+|I\d+)`;
/** The contract suites are tests too, wherever an adapter runs them. */
const TESTS = ['{packages,apps}/*/test/**/*.ts', 'examples/test/**/*.ts', 'packages/testing-contracts/src/**/*.ts'];
/** Names of the wider world that look like one of our ids. */
const FOREIGN = /^(UTF|SHA|ISO|RFC|CVE|ES)-/;

/** The ids in the titles of a test file. @param {string} source */
export function citedIds(source) {
  // a contract suite may also keep its tests in a table of titles and functions
  const titles = source.matchAll(/\b(?:(?:describe|it|test)\b[\w.]*(?:\([^'"`)]*\))?\(|title:)\s*(['"`])(.*?)\1/gs);
  const ids = [...titles].flatMap(([, , title = '']) => title.match(new RegExp(`\\b${ID}\\b`, 'g')) ?? []);
  return new Set(ids.filter((id) => !FOREIGN.test(id)));
}

/**
 * The ids that a page promises, one per list item or row of a table, each with what of it is built: `planned` says that nothing is.
 *
 * @param {string} page
 */
export function promises(page) {
  const items = page.matchAll(new RegExp(`^\\s*(?:[-*] \\**|\\| )(${ID})\\b\\**(.*)$`, 'gm'));
  return new Map([...items].map(([, id = '', text = '']) => [id, isPlanned(text)]));
}

/** Whether each of its sentences ends as planned. @param {string} text */
function isPlanned(text) {
  const sentences = text.split(/(?<=\.)\s+(?=[A-Z])/).filter((sentence) => /\w/.test(sentence));
  return sentences.every((sentence) => /\(planned[^)]*\)\.?\s*\|?\s*$/.test(sentence));
}

const inOrder = (/** @type {Iterable<string>} */ ids) =>
  [...ids].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));

function main() {
  /** @type {Map<string, Set<string>>} */
  const byPackage = new Map();
  const files = globSync(TESTS, { cwd: root });
  for (const file of files.map((path) => path.replaceAll('\\', '/'))) {
    const name = file
      .split('/')
      .slice(0, file.startsWith('examples/') ? 1 : 2)
      .join('/');
    const ids = citedIds(readFileSync(join(root, file), 'utf8'));
    byPackage.set(name, new Set([...(byPackage.get(name) ?? []), ...ids]));
  }
  for (const [name, ids] of [...byPackage].toSorted()) console.log(`${name}: ${inOrder(ids).join(' ') || '-'}`);

  const cited = new Set([...byPackage.values()].flatMap((ids) => [...ids]));
  const promised = new Map(PAGES.flatMap((page) => [...promises(readFileSync(join(root, page), 'utf8'))]));
  const untested = inOrder(promised.keys()).filter((id) => !cited.has(id));
  const missing = untested.filter((id) => promised.get(id) === false);
  const unknown = inOrder(cited).filter((id) => !promised.has(id));
  console.log(`${promised.size} promised, ${promised.size - untested.length} with a test`);
  console.log(`planned, without: ${untested.filter((id) => promised.get(id)).join(' ') || '-'}`);
  if (missing.length > 0) console.error(`promised and not planned, without a test: ${missing.join(' ')}`);
  if (unknown.length > 0) console.error(`cited by a test but not in ${PAGES.join(' or ')}: ${unknown.join(' ')}`);
  if (missing.length + unknown.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('check-ids.mjs')) main();
