// Copies tested code into the Markdown that shows it. A page says
//   <!-- snippet: examples/core-errors.ts#usage -->
// and the fenced block below it becomes what stands between `// #region usage` and `// #endregion usage` in that file.
// With --check nothing is written, and drift fails.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

const MARKER = /^(<!-- snippet: (\S+?)#([\w-]+) -->)(?:\n+```.*\n[^]*?^```$)?/gm;

/**
 * The lines of a region, without their common indentation and without the markers of regions inside it.
 *
 * @param {string} source
 * @param {string} name
 */
export function region(source, name) {
  const lines = source.replaceAll('\r\n', '\n').split('\n');
  const edge = (/** @type {string} */ word) => lines.findIndex((line) => line.trim() === `// #${word} ${name}`);
  const [start, end] = [edge('region'), edge('endregion')];
  if (start < 0 || end < start) throw new Error(`there is no region "${name}"`);
  const inside = lines.slice(start + 1, end).filter((line) => !/^\s*\/\/ #(end)?region /.test(line));
  const indents = inside.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return inside
    .map((line) => line.slice(indent))
    .join('\n')
    .trim();
}

/**
 * @param {string} page Markdown
 * @param {(path: string) => string} read
 */
export function syncPage(page, read) {
  return page.replaceAll('\r\n', '\n').replace(MARKER, (_, marker, path, name) => {
    const language = path.slice(path.lastIndexOf('.') + 1);
    return `${marker}\n\n\`\`\`${language}\n${region(read(path), name)}\n\`\`\``;
  });
}

function main() {
  const check = process.argv.includes('--check');
  const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*.md', '{packages,apps}/*/*.md'], { cwd: root });
  let drifted = 0;
  for (const path of pages) {
    const before = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');
    try {
      const after = syncPage(before, (source) => readFileSync(join(root, source), 'utf8'));
      if (after === before) continue;
      if (check) console.error(`${path}: a snippet differs from its source; run node tools/sync-snippets.mjs`);
      else writeFileSync(join(root, path), after);
    } catch (error) {
      console.error(`${path}: ${/** @type {Error} */ (error).message}`);
      process.exitCode = 1;
    }
    drifted += 1;
  }
  if (check && drifted > 0) process.exitCode = 1;
  else console.log(check ? `${pages.length} pages show their sources` : `${drifted} of ${pages.length} pages changed`);
}

if (process.argv[1]?.endsWith('sync-snippets.mjs')) main();
