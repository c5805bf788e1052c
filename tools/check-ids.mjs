// Which promised behaviours have a test: ids such as DUR-4, promised in docs/behaviours.md as `- DUR-4 …` and cited
// in the titles of tests. Fails on a cited id that nothing promises.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

const PROMISES = 'docs/behaviours.md';
/** Names of the wider world that look like one of our ids. */
const FOREIGN = /^(UTF|SHA|ISO|RFC|CVE|ES)-/;

/** The ids in the titles of a test file. @param {string} source */
export function citedIds(source) {
  // a contract suite may also keep its tests in a table of titles and functions
  const titles = source.matchAll(/\b(?:(?:describe|it|test)\b[\w.]*(?:\([^'"`)]*\))?\(|title:)\s*(['"`])(.*?)\1/gs);
  const ids = [...titles].flatMap(([, , title = '']) => title.match(/\b[A-Z]{2,4}-\d+\b/g) ?? []);
  return new Set(ids.filter((id) => !FOREIGN.test(id)));
}

/**
 * The ids that a page promises, one per list item, each with whether some of it is marked as planned.
 *
 * @param {string} page
 */
export function promises(page) {
  const items = page.matchAll(/^\s*[-*] \**([A-Z]{2,4}-\d+)\b(.*)$/gm);
  return new Map([...items].map(([, id = '', text = '']) => [id, text.includes('(planned')]));
}

const inOrder = (/** @type {Iterable<string>} */ ids) =>
  [...ids].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));

function main() {
  /** @type {Map<string, Set<string>>} */
  const byPackage = new Map();
  // the contract suites are tests too, wherever an adapter runs them
  const files = globSync(['{packages,apps}/*/test/**/*.ts', 'packages/testing-contracts/src/**/*.ts'], { cwd: root });
  for (const file of files.map((path) => path.replaceAll('\\', '/'))) {
    const name = file.split('/').slice(0, 2).join('/');
    const ids = citedIds(readFileSync(join(root, file), 'utf8'));
    byPackage.set(name, new Set([...(byPackage.get(name) ?? []), ...ids]));
  }
  for (const [name, ids] of [...byPackage].toSorted()) console.log(`${name}: ${inOrder(ids).join(' ') || '-'}`);

  const cited = new Set([...byPackage.values()].flatMap((ids) => [...ids]));
  if (!existsSync(join(root, PROMISES))) return;
  const promised = promises(readFileSync(join(root, PROMISES), 'utf8'));
  const untested = inOrder(promised.keys()).filter((id) => !cited.has(id));
  const unknown = inOrder(cited).filter((id) => !promised.has(id));
  console.log(`${promised.size} promised, ${promised.size - untested.length} with a test`);
  console.log(`without, planned at least in part: ${untested.filter((id) => promised.get(id)).join(' ') || '-'}`);
  console.log(`without: ${untested.filter((id) => !promised.get(id)).join(' ') || '-'}`);
  if (unknown.length > 0) {
    console.error(`cited by a test but not in ${PROMISES}: ${unknown.join(' ')}`);
    process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('check-ids.mjs')) main();
