import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import config, { arrows } from '../../.dependency-cruiser.mjs';
import { cruise } from '../boundaries.mjs';

const LISTED = Object.keys(arrows);
const PACKAGES = [...LISTED, 'unlisted'];
const IMPORTERS = [...PACKAGES.map((name) => `packages/${name}`), 'apps/captain', 'examples'];

vi.setConfig({ testTimeout: 60_000 });

const checkouts: string[] = [];
afterAll(() => checkouts.forEach((path) => rmSync(path, { recursive: true })));

/** A checkout of the given files in which every package has declared, and can resolve, every other. */
function checkout(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  checkouts.push(root);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const npm = ['ai', '@ai-sdk/provider', 'zod', 'vitest', 'undeclared'];
  for (const name of npm) {
    write(`npm/node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`npm/node_modules/${name}/index.js`, '');
  }
  for (const importer of IMPORTERS) {
    const dependencies = Object.fromEntries(
      [...PACKAGES.map((name) => `@prusik/${name}`), 'ai', '@ai-sdk/provider', 'zod'].map((name) => [name, '*']),
    );
    const name = `@prusik/${importer.replace(/^.*\//, '')}`;
    const manifest = { name, exports: './src/index.ts', dependencies, devDependencies: { vitest: '*' } };
    write(`${importer}/package.json`, JSON.stringify(manifest));
    write(`${importer}/src/index.ts`, 'export const value = 1;\n');
    mkdirSync(join(root, importer, 'node_modules/@prusik'), { recursive: true });
    mkdirSync(join(root, importer, 'node_modules/@ai-sdk'));
    for (const sibling of PACKAGES) {
      symlinkSync(join(root, 'packages', sibling), join(root, importer, 'node_modules/@prusik', sibling), 'junction');
    }
    for (const dependency of npm) {
      symlinkSync(
        join(root, 'npm/node_modules', dependency),
        join(root, importer, 'node_modules', dependency),
        'junction',
      );
    }
  }
  for (const [path, text] of Object.entries(files)) write(path, `${text}\nexport {};\n`);
  return root;
}

const violationsOf = (files: Readonly<Record<string, string>>): string[] =>
  cruise(checkout(files), ['packages', 'apps', 'examples'])
    .violations.map(({ rule, from }) => `${rule}: ${from}`)
    .filter((text) => !text.endsWith('packages/unlisted/src/index.ts'));

const from = (...names: string[]): string => names.map((name) => `import '${name}';`).join('\n');
const siblings = (...names: string[]): string => from(...names.map((name) => `@prusik/${name}`));
const TEST_HELPERS = ['testing-contracts', 'store-memory', 'store-sqlite'] as const;

it('lets every arrow of the architecture pass', () => {
  const violations = violationsOf({
    'packages/core/src/a.ts': from('node:crypto', './index.ts'),
    'packages/core/test/a.test.ts': `${siblings('core')}\n${from('vitest', 'node:fs')}`,
    'packages/durable/src/a.ts': siblings('core'),
    'packages/durable/test/a.test.ts': siblings('core', ...TEST_HELPERS),
    'packages/agents/src/a.ts': `${siblings('durable', 'core')}\n${from('ai', '@ai-sdk/provider', 'zod')}`,
    'packages/sessions/src/a.ts': siblings('durable', 'core'),
    'packages/workflows-delegation/src/a.ts': siblings('durable', 'core'),
    'packages/harness/src/a.ts': siblings('sessions', 'agents', 'workflows-delegation', 'durable', 'core'),
    'packages/harness/test/a.test-d.ts': from('ai'),
    'packages/store-sqlite/src/a.ts': siblings('core'),
    'packages/store-sqlite/test/a.test.ts': siblings('testing-contracts', 'store-memory'),
    'packages/mcp-runner/src/a.ts': siblings('core'),
    'packages/mcp-runner/test/a.test.ts': siblings('testing-contracts', 'sandbox-local'),
    'packages/telemetry/src/a.ts': siblings('core'),
    'packages/telemetry/test/a.test.ts': siblings('testing-contracts', 'store-sqlite', 'durable', 'agents'),
    'packages/records/src/a.ts': siblings('core'),
    'packages/cli/src/a.ts': siblings('records', 'store-sqlite', 'durable', 'core'),
    'packages/records/test/a.test.ts': siblings('durable', 'store-sqlite'),
    'apps/captain/src/a.ts': `${siblings('harness', 'sandbox-local', 'store-sqlite')}\n${from('ai')}`,
    'examples/a.ts': `${siblings('agents')}\n${from('ai')}`,
  });

  expect(violations).toEqual([]);
});

it('catches a planted violation of each rule', () => {
  const planted: Readonly<Record<string, readonly [file: string, source: string]>> = {
    ...Object.fromEntries(
      LISTED.map((name) => [`${name}-arrows`, [`packages/${name}/src/any.ts`, siblings('unlisted')]]),
    ),
    'core-arrows': ['packages/core/src/up.ts', siblings('durable')],
    'durable-arrows': ['packages/durable/src/adapter.ts', siblings('store-memory')],
    'agents-arrows': ['packages/agents/src/sideways.ts', siblings('sessions')],
    'sessions-arrows': ['packages/sessions/src/sideways.ts', siblings('workflows-delegation')],
    'workflows-delegation-arrows': ['packages/workflows-delegation/src/sideways.ts', siblings('agents')],
    'harness-arrows': ['packages/harness/src/adapter.ts', siblings('store-sqlite')],
    'store-memory-arrows': ['packages/store-memory/src/engine.ts', siblings('durable')],
    'store-sqlite-arrows': ['packages/store-sqlite/src/sideways.ts', siblings('store-memory')],
    'mcp-runner-arrows': ['packages/mcp-runner/src/sideways.ts', siblings('sandbox-local')],
    'telemetry-arrows': ['packages/telemetry/src/engine.ts', siblings('durable')],
    'records-arrows': ['packages/records/src/engine.ts', siblings('durable')],
    'sandbox-local-arrows': ['packages/sandbox-local/src/engine.ts', siblings('durable')],
    // a type is a dependency too: the declarations would not compile without it
    'testing-contracts-arrows': [
      'packages/testing-contracts/src/adapter.ts',
      `import type { value } from '@prusik/store-memory';`,
    ],
    ...Object.fromEntries(
      LISTED.map((name) => [`${name}-test-arrows`, [`packages/${name}/test/a.test.ts`, siblings('unlisted')]]),
    ),
    'sandbox-local-test-arrows': ['packages/sandbox-local/test/engine.test.ts', siblings('durable')],
    'durable-test-arrows': ['packages/durable/test/up.test.ts', siblings('store-sqlite', 'harness')],
    'package-without-arrows': ['packages/unlisted/src/any.ts', siblings('core')],
    'core-is-pure': ['packages/core/src/impure.ts', from('node:fs')],
    'only-agents-knows-ai': ['packages/sessions/src/model.ts', from('@ai-sdk/provider')],
    'no-relative-import-across-packages': ['packages/agents/src/relative.ts', from('../../core/src/index.ts')],
    'src-not-to-dev-dependency': ['packages/sessions/src/dev.ts', from('vitest')],
    'not-to-unresolvable': ['packages/sessions/src/missing.ts', from('./nowhere.ts')],
    'no-undeclared-dependency': ['packages/sessions/src/undeclared.ts', from('undeclared')],
    'no-circular': ['packages/sessions/src/circle.ts', from('./circle2.ts')],
  };
  const sources = Object.fromEntries(Object.values(planted).map(([file, source]) => [file, source]));

  const violations = violationsOf({ ...sources, 'packages/sessions/src/circle2.ts': from('./circle.ts') });

  for (const { name } of config.forbidden) {
    expect(planted, 'a rule without a violation that proves it').toHaveProperty([name]);
    expect(violations).toContain(`${name}: ${planted[name]?.[0]}`);
  }
});
