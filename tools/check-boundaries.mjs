// Checks the arrows between the packages, and that the checker saw every source: without a TypeScript that it can
// use, dependency-cruiser finds no modules at all and is content.
import { globSync } from 'node:fs';
import { cruise } from './boundaries.mjs';
import { root } from './toolchain.mjs';

const { modules, violations } = cruise(root, ['packages', 'apps', 'examples']);
const sources = globSync(['packages/*/{src,test}/**/*.ts', 'apps/*/{src,test}/**/*.ts', 'examples/*.ts'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => !path.includes('/node_modules/') && !path.endsWith('vitest.config.ts'));
const unseen = sources.filter((path) => !modules.includes(path));

for (const { rule, from, to } of violations) console.error(`${rule}: ${from} → ${to}`);
for (const path of unseen) console.error(`not seen by dependency-cruiser: ${path}`);
if (violations.length + unseen.length > 0 || sources.length === 0) process.exitCode = 1;
else console.log(`${sources.length} sources, no violation`);
