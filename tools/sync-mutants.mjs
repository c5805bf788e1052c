// Writes packages/testing-contracts/MUTANTS.md: each test of the contract suites, and the ways of being broken that it notices.
// With --check nothing is written, and drift fails. Needs --conditions=@prusik/source, as it reads the fault lists of the tests.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './toolchain.mjs';

/** @typedef {{ title: string, needs?: string }} Test */
/** @typedef {{ name: string, caughtBy: string }} Fault */

const PAGE = 'packages/testing-contracts/MUTANTS.md';
/** Names tests too. */
const GUIDE = 'docs/writing-a-store.md';
const INTRODUCTION = `# What the suites notice

Each test of the contract suites, and the adapters, broken on purpose, that it has to fail on. A test without one, or one that passes on its
broken adapter, fails our own build. The broken adapters stand in \`test\` of this package, of \`durable\`, \`agents\`, \`sandbox-local\` and \`mcp-runner\`.
Where a test fails on yours, they say what may be wrong.

Written by \`npm run mutants\`.
`;

/**
 * A section of the page.
 *
 * @param {string} heading
 * @param {readonly Test[]} tests
 * @param {readonly Fault[]} faults each names a part of the title of one test
 */
export function section(heading, tests, faults) {
  const cell = (/** @type {string} */ text) => text.replaceAll('|', String.raw`\|`);
  const rows = tests.map(({ title, needs }) => {
    const noticed = faults.filter(({ caughtBy }) => title.includes(caughtBy)).map(({ name }) => name);
    if (noticed.length === 0) throw new Error(`nothing is noticed by the test "${title}"`);
    const only = needs === undefined ? '' : ` (only \`${needs}\`)`;
    return `| ${cell(title)}${only} | ${noticed.map(cell).join('; ')} |`;
  });
  const count = `${tests.length} tests, ${faults.length} broken adapters.`;
  return [`## ${heading}`, '', count, '', '| test | fails when |', '| --- | --- |', ...rows, ''].join('\n');
}

/**
 * Tests that a page names in the last cell of a row, with … for a part, and that are not there.
 *
 * @param {string} page
 * @param {readonly Test[]} tests
 */
export function unknownTests(page, tests) {
  const named = [...page.matchAll(/\| ((?:I\d+|[A-Z]{2,4}-\d+): [^|]*?)( …)? *\|$/gm)];
  const isThere = (/** @type {string} */ name, /** @type {boolean} */ cut) =>
    tests.some(({ title }) => (cut ? title.startsWith(name) : title === name));
  return named.flatMap(([, name = '', cut]) => (isThere(name, cut !== undefined) ? [] : [name]));
}

/** @param {string} path */
const load = (path) => import(pathToFileURL(join(root, path)).href);

async function main() {
  const suites = await load('packages/testing-contracts/src/index.ts');
  const { STORE_FAULTS } = await load('packages/testing-contracts/test/store-faults/index.ts');
  const { STREAM_FAULTS } = await load('packages/durable/test/stream-faults.ts');
  const { SANDBOX_FAULTS } = await load('packages/sandbox-local/test/sandbox-faults.ts');
  const { REQUEST_POLICY_FAULTS } = await load('packages/testing-contracts/test/request-policy-faults.ts');
  const { CREDENTIAL_STORE_FAULTS } = await load('packages/testing-contracts/test/credential-store-faults.ts');
  const { TOOL_SOURCE_FAULTS } = await load('packages/testing-contracts/test/tool-source-faults.ts');
  const { CONTEXT_FAULTS } = await load('packages/agents/test/context-faults.ts');
  const { OBSERVER_FAULTS } = await load('packages/testing-contracts/test/observer-faults.ts');
  const { MODEL_FAULTS } = await load('packages/testing-contracts/test/model-faults.ts');
  const { RUNNER_FAULTS } = await load('packages/mcp-runner/test/runner-faults.ts');
  const everything = { durable: true, multiProcess: true, noticeMs: 0 };
  /** @type {Test[]} */
  const sandbox = [];
  suites.sandboxContract({ test: (/** @type {string} */ title) => sandbox.push({ title }), create: () => undefined });
  const page = [
    INTRODUCTION,
    section('Stores: `storeContract`', suites.testsFor(everything), STORE_FAULTS),
    section('Events of runs: `streamContract`', suites.STREAM_TESTS, STREAM_FAULTS),
    section('Models: `modelContract`', suites.MODEL_TESTS, MODEL_FAULTS),
    section('Context managers: `contextManagerContract`', suites.CONTEXT_TESTS, CONTEXT_FAULTS),
    section('Policies about requests: `requestPolicyContract`', suites.REQUEST_POLICY_TESTS, REQUEST_POLICY_FAULTS),
    section('Credential stores: `credentialStoreContract`', suites.CREDENTIAL_STORE_TESTS, CREDENTIAL_STORE_FAULTS),
    section('Sources of tools: `toolSourceContract`', suites.toolSourceTestsFor(true), TOOL_SOURCE_FAULTS),
    section('Observers of an engine: `observerContract`', suites.OBSERVER_TESTS, OBSERVER_FAULTS),
    section('Sandboxes: `sandboxContract`', sandbox, SANDBOX_FAULTS),
    'With a `control` the attacks are tests too. Each is first made on the control, where it has to succeed; so each is noticed where nothing holds it.\n',
    section('Runners of MCP servers: `mcpRunnerContract`', suites.MCP_RUNNER_TESTS, RUNNER_FAULTS),
  ].join('\n');
  const unknown = unknownTests(readFileSync(join(root, GUIDE), 'utf8'), suites.testsFor(everything));
  for (const name of unknown) console.error(`${GUIDE}: there is no test "${name}"`);
  if (unknown.length > 0) process.exitCode = 1;
  const before = readFileSync(join(root, PAGE), 'utf8').replaceAll('\r\n', '\n');
  if (page === before) return console.log(`${PAGE} tells what is tested`);
  if (!process.argv.includes('--check')) return writeFileSync(join(root, PAGE), page);
  console.error(`${PAGE} differs from the tests; run npm run mutants`);
  process.exitCode = 1;
}

if (process.argv[1]?.endsWith('sync-mutants.mjs')) await main();
