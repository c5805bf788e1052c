import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AdapterInfo, DelegationPolicy, DurableDefinition, Sandbox, Store } from '@prusik/core';
import { defineAgent, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const named = (name: string, kind: 'agent' | 'function' | 'workflow' = 'agent'): DurableDefinition<null, null> => ({
  name,
  kind,
  version: '1',
  run: () => null,
});
const writer = named('writer');
const workflow = (delegation: DelegationPolicy<'writer'> = {}) =>
  defineWorkflow({
    name: 'release',
    input: z.null(),
    agents: { writer },
    delegation,
    run: () => null,
  });
/** Says that it survives the process. Nothing here looks at more of it. */
const durableStore = (): Store => ({
  ...memoryStore(),
  capabilities: { durable: true, multiProcess: false, noticeMs: 0 },
});

describe('what is wrong with an assembly', () => {
  it('DEF-3: is told all at once, with path and fix', () => {
    expect(() =>
      defineHarness({
        store: memoryStore(),
        agents: { scribe: writer },
        workflows: { release: workflow(), plan: named('plan', 'agent') },
      }),
    ).toThrow(/agents\.scribe is named writer.*\n.*workflows\.plan is of kind agent: move it to agents.*\n.*release/);
  });

  it('DEF-3: finds one value under two headings', () => {
    const both = named('both', 'function');

    expect(() => defineHarness({ store: memoryStore(), agents: { both }, workflows: { both } })).toThrow(
      'agents.both and workflows.both have one name',
    );
  });

  it('DEF-3: finds a model alias that a policy names and nobody knows', () => {
    const define = (delegation: DelegationPolicy<'writer'>) => () =>
      defineHarness({ store: durableStore(), workflows: { release: workflow(delegation) } });

    expect(define({ models: ['fast'] })).toThrow('release: delegation.models names the model fast');
    expect(define({ agentModels: { writer: ['fast'] } })).toThrow('release: delegation.agentModels.writer names');
    expect(define({})).not.toThrow();
  });

  it('DEF-3: finds two tools that a model could not tell apart, and approvals that would be lost', () => {
    const tool = (name: string, approval: 'never' | 'always') => ({ name, approval });
    const clerk = { ...named('clerk'), tools: [tool('read', 'never'), tool('send', 'always'), tool('send', 'always')] };

    expect(() => defineHarness({ store: memoryStore(), agents: { clerk } })).toThrow(
      /clerk: two of its tools and skills are named send: rename one of them\n- clerk: approvals of send, send would be lost/,
    );
  });

  it('DEF-3: a skill and a tool share the one name space that a model sees', () => {
    const clerk = { ...named('clerk'), tools: [{ name: 'pdf' }], skills: [{ name: 'pdf' }] };

    expect(() => defineHarness({ store: memoryStore(), agents: { clerk } })).toThrow(
      'clerk: two of its tools and skills are named pdf',
    );
  });

  it('DEF-3: finds what is required and what no adapter offers, of definitions, tools, skills and sources', () => {
    const needy = {
      ...named('needy'),
      requires: ['durable-store', 'shared-store'] as const,
      tools: [
        { name: 'run', requires: ['sandbox'] },
        { name: 'fly', requires: ['wings'] },
      ],
      skills: [{ name: 'pdf', requires: ['sandbox'] }],
      sources: [{ source: { name: 'far', requires: ['sandbox'] } }],
    };
    const define = (store: Store, sandbox?: Sandbox) => () =>
      defineHarness({ store, agents: { needy }, ...(sandbox ? { sandbox } : {}) });
    const sandbox = {} as Sandbox;

    expect(define(memoryStore())).toThrow(
      /needy: it requires durable-store, which nothing here offers: use a store that outlives the process\n- needy: it requires shared-store.*\n- needy: its tool run requires sandbox, which nothing here offers: give the harness a sandbox\n- needy: its tool fly requires wings, which nothing here offers: there are durable-store, shared-store, sandbox\n- needy: its skill pdf requires sandbox.*\n- needy: its source far requires sandbox/,
    );
    expect(define(durableStore(), sandbox)).toThrow(/needy: it requires shared-store.*\n- needy: its tool fly/);
    const release = defineWorkflow({ name: 'release', input: z.null(), requires: ['sandbox'], run: () => null });
    expect(() => defineHarness({ store: durableStore(), workflows: { release } })).toThrow(
      'release: it requires sandbox',
    );
  });

  it('DEF-3: waits without a durable store have to be meant', () => {
    expect(() => defineHarness({ store: memoryStore(), workflows: { release: workflow() } })).toThrow(
      'release: waits of a workflow would be lost with the process: use a durable store, or say `ephemeral: true`',
    );
    expect(() => defineHarness({ store: durableStore(), workflows: { release: workflow() } })).not.toThrow();
    expect(() =>
      defineHarness({ store: memoryStore(), workflows: { release: workflow() }, ephemeral: true }),
    ).not.toThrow();
    expect(() => defineHarness({ store: memoryStore(), agents: { writer } })).not.toThrow();
  });

  it('DEF-3: what the tools of a source may ask counts as such a wait, and a model that calls no tools is none for it', () => {
    const far = { ...named('clerk'), sources: [{ source: { name: 'far' }, required: false }] };
    expect(() => defineHarness({ store: memoryStore(), agents: { clerk: far } })).toThrow(
      'clerk: what tools of far ask would be lost with the process',
    );
    expect(() => defineHarness({ store: durableStore(), agents: { clerk: far } })).not.toThrow();
    const models = modelRegistry({ mute: { model: scriptedModel([]), capabilities: { tools: false } } });

    expect(() =>
      defineHarness({ store: durableStore(), models, agents: { clerk: { ...far, model: 'mute' } } }),
    ).toThrow('clerk: it has tools, and its model mute may be scripted/scripted, which calls none');
  });
});

describe('names', () => {
  it('DEF-3: two definitions of one name are refused, however deep one of them is', () => {
    expect(() =>
      defineHarness({ store: durableStore(), agents: { writer: named('writer') }, workflows: { release: workflow() } }),
    ).toThrow('Two different definitions are named writer');
  });
});

describe('inspect', () => {
  it('DEF-4: tells as data what is assembled, and opens nothing', () => {
    const touched: PropertyKey[] = [];
    const store = new Proxy(memoryStore(), {
      get(target, name, receiver) {
        touched.push(name);
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    const harness = defineHarness({
      store,
      workflows: { release: workflow({ tokens: 10 }) },
      ephemeral: true,
      limits: { slots: 2 },
    });

    const inspection = harness.inspect();

    expect(inspection).toMatchObject({
      packages: Object.fromEntries(
        ['core', 'durable', 'agents', 'sessions', 'workflows-delegation', 'harness', 'store-memory'].map((name) => [
          `@prusik/${name}`,
          expect.stringMatching(/^\d/),
        ]),
      ),
      definitions: [
        { name: 'release', kind: 'workflow', agents: ['writer'], delegation: { tokens: 10 }, budget: { tokens: 10 } },
        { name: 'writer', kind: 'agent', agents: [], delegation: 'off', tools: [], skills: [] },
      ],
      store: { durable: false },
      ephemeral: true,
      sandbox: false,
      limits: { slots: 2, leaseMs: 30_000 },
    });
    expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection);
    expect(new Set(touched)).toEqual(new Set(['capabilities']));
  });
});

describe('sources of tools', () => {
  it('DEF-4: are told by name, with the package that they come from, and asked nothing', () => {
    const adapter = { package: '@prusik/far', version: '1.2.3' };
    const source = {
      name: 'far',
      requires: ['durable-store'] as const,
      adapter,
      list: () => Promise.reject(new Error('asked')),
      call: () => Promise.reject(new Error('asked')),
    };
    const clerk = defineAgent({
      name: 'clerk',
      instructions: '',
      model: scriptedModel([]),
      sources: [{ source, required: true }],
    });
    const harness = defineHarness({ store: durableStore(), agents: { clerk }, onWarning: () => {} });

    const { definitions, packages } = harness.inspect();

    expect(definitions[0]?.sources).toEqual([{ name: 'far', required: true, requires: ['durable-store'], adapter }]);
    expect(packages).toMatchObject({ '@prusik/far': '1.2.3' });
  });
});

describe('packages of several releases', () => {
  it('DEF-4: are named at the start, an adapter of somebody else is not one of them', () => {
    const warnings: string[] = [];
    const define = (adapter: AdapterInfo) => {
      const store = { ...memoryStore(), capabilities: { durable: true, multiProcess: false, noticeMs: 0, adapter } };
      return defineHarness({
        store,
        agents: { writer },
        onWarning: ({ code, message }) => warnings.push(code, message),
      });
    };

    expect(define({ package: 'their-store', version: '7.0.0' }).inspect().packages).toMatchObject({
      'their-store': '7.0.0',
    });
    expect(warnings).toEqual([]);
    define({ package: '@prusik/store-sqlite', version: '0.0.1' });
    expect(warnings).toEqual([
      'PACKAGES_MIXED',
      expect.stringMatching(/@prusik\/core \d.*@prusik\/store-sqlite 0\.0\.1/),
    ]);
  });
});

describe('a skill that asks for tools', () => {
  it('AGT-12: is told of at the start', () => {
    const warnings: string[] = [];
    const clerk = {
      ...named('clerk'),
      skills: [
        { name: 'pdf', ignored: ['allowed-tools'] },
        { name: 'xls', ignored: ['tags'] },
      ],
    };

    defineHarness({
      store: memoryStore(),
      agents: { clerk },
      onWarning: ({ code, message }) => warnings.push(code, message),
    });

    expect(warnings).toEqual([
      'SKILL_TOOLS_IGNORED',
      'clerk: allowed-tools of the skills pdf has no effect: a skill grants no tool and no right',
    ]);
  });
});

describe('a second copy of core', () => {
  it('DEF-4: is named at the start, by where it came from', async () => {
    const warnings: unknown[] = [];
    const define = () =>
      defineHarness({
        store: memoryStore(),
        agents: { writer },
        onWarning: ({ code, message }) => warnings.push(code, message),
      });
    define();
    expect(warnings).toEqual([]);
    const folder = await mkdtemp(join(tmpdir(), 'second-core-'));
    try {
      const source = join(fileURLToPath(import.meta.resolve('@prusik/core/package.json')), '../src/copies.ts');
      const copy = join(folder, 'copies.ts');
      await copyFile(source, copy);
      await import(/* @vite-ignore */ pathToFileURL(copy).href);

      expect(define().inspect().coreCopies).toHaveLength(2);
      expect(warnings).toEqual(['CORE_LOADED_TWICE', expect.stringContaining(folder)]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

it.each([
  [{ canAnser: () => false }, /The harness has no option canAnser: there are .*canAnswer/],
  [{ limits: { slot: 1 } }, /The engine: limits has no option slot: there are .*slots/],
])('DEF-3: a misspelt option is refused, not passed over: %j', (misspelt, message) => {
  expect(() => defineHarness({ store: memoryStore(), ephemeral: true, ...(misspelt as object) })).toThrow(message);
});
