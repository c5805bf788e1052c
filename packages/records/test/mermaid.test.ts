import { Window } from 'happy-dom';
import { beforeAll, describe, expect, it } from 'vitest';
import { flowchart, flowOf, MERMAID_LIMITS, sequenceDiagram, type Flow, type Journal } from '../src/index.ts';
import { label } from '../src/mermaid-text.ts';
import { HOSTILE, randomJournals } from './random-journals.ts';

interface Database {
  getVertices(): Map<string, { readonly text: string }>;
  getEdges(): readonly { readonly start: string; readonly end: string; readonly text: string }[];
  getSubGraphs(): readonly { readonly id: string; readonly title: string; readonly nodes: readonly string[] }[];
  getMessages(): readonly { readonly from?: string; readonly to?: string; readonly message: string }[];
  getActors(): Map<string, { readonly description: string }>;
}

let read: (text: string) => Promise<Database>;

beforeAll(async () => {
  // Before Mermaid is imported, since it looks for a document once.
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  const { default: mermaid } = await import('mermaid');
  mermaid.initialize({ startOnLoad: false });
  read = async (text) => {
    await mermaid.parse(text);
    return (await mermaid.mermaidAPI.getDiagramFromText(text)).db as unknown as Database;
  };
});

/** What Mermaid keeps in the place of a number, or we have written. */
const decoded = (text: string): string =>
  text.replaceAll(/(?:ﬂ°°|#)(\d+)(?:¶ß|;)/g, (_all, code: string) => String.fromCodePoint(Number(code)));

/** The names of what a text was to have, by the lines that were written. */
const written = (text: string, line: RegExp): readonly string[] =>
  text.split('\n').flatMap((one) => line.exec(one)?.slice(1).map(decoded) ?? []);

const randomFlow = (seed: number, more?: Parameters<typeof randomJournals>[1]): Flow => {
  const { journals, requests } = randomJournals(seed, more);
  return flowOf(journals, { requests });
};

/** So many steps, one by one or all at once. */
function many(count: number, { names = 1, atOnce = false } = {}): readonly Journal[] {
  return [
    {
      id: 'root',
      entries: [
        { type: 'run-start', definition: 'many', version: '1', seq: 1, at: 0 },
        ...Array.from({ length: count }, (_item, n) => ({
          type: 'step-end' as const,
          key: `k${n}`,
          fingerprint: '',
          kind: 'step' as const,
          name: `step ${n % names}`,
          attempt: 1,
          outcome: { ok: true as const },
          durationMs: atOnce ? 10 + n : 1,
          seq: n + 2,
          at: atOnce ? 10 + n : 2 * n + 1,
        })),
        { type: 'run-end', status: 'completed', seq: count + 2, at: 2 * count + 100 },
      ],
    },
  ];
}

describe('a flowchart', () => {
  it('REC-2: is read by Mermaid with the boxes, frames and lines that were meant', async () => {
    const { journals, requests } = {
      journals: [
        {
          id: 'root',
          entries: [
            { type: 'run-start', definition: 'release', version: '1', seq: 1, at: 0 },
            step('plan', 2, 100, 100),
            step('left', 3, 300, 150),
            step('right', 4, 310, 150),
            { type: 'wait-start', key: 'help', fingerprint: '', kind: 'child', child: 'child', seq: 5, at: 320 },
            { type: 'wait-end', key: 'help', fingerprint: '', kind: 'child', outcome: { ok: true }, seq: 6, at: 500 },
            { type: 'wait-start', key: 'ask', fingerprint: '', kind: 'request', request: 'q', seq: 7, at: 510 },
            { type: 'wait-end', key: 'ask', fingerprint: '', kind: 'request', outcome: { ok: true }, seq: 8, at: 600 },
            { type: 'run-end', status: 'completed', seq: 9, at: 610 },
          ],
        },
        {
          id: 'child',
          entries: [
            { type: 'run-start', definition: 'helper', version: '1', seq: 1, at: 330 },
            { type: 'run-end', status: 'failed', error: { code: 'TORN', message: '' }, seq: 2, at: 480 },
          ],
        },
      ] satisfies readonly Journal[],
      requests: [
        { id: 'q', run: { run: 'root' }, kind: 'approval', status: 'approved', decision: { by: 'ann', at: 590 } },
      ] as const,
    };

    const db = await read(flowchart(flowOf(journals, { requests })));

    expect(db.getSubGraphs().map(({ id, title }) => [id, decoded(title)])).toEqual([
      ['r1', 'release root'],
      ['r2', 'helper child'],
    ]);
    expect([...db.getVertices()].map(([id, { text }]) => [id, decoded(text)])).toEqual([
      ['r1s', 'start'],
      ['r1n1', 'step plan, 100 ms'],
      ['r1n2', 'step left, 150 ms'],
      ['r1n3', 'step right, 150 ms'],
      ['r1n4', 'child help, 180 ms'],
      ['r1n5', 'approval approved by ann, 90 ms'],
      ['r1e', 'completed, 610 ms'],
      ['r2s', 'start'],
      ['r2e', 'failed TORN, 150 ms'],
    ]);
    expect(db.getEdges().map(({ start, end, text }) => [start, end, text])).toEqual([
      ['r1s', 'r1n1', ''],
      ['r1n1', 'r1n2', ''],
      ['r1n1', 'r1n3', ''],
      ['r1n2', 'r1n4', ''],
      ['r1n3', 'r1n4', ''],
      ['r1n4', 'r1n5', ''],
      ['r1n5', 'r1e', ''],
      ['r1n4', 'r2s', 'child'],
      ['r2s', 'r2e', ''],
    ]);
  });

  it('REC-2: of any tree is read by Mermaid, whatever its names are', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const text = flowchart(randomFlow(seed));
      const db = await read(text);
      const meant = written(text, /^ *r\d+[sn]\d*(?:\[|\(|\{|>)+"(.*)"[\])}]+(?::::bad)?$/);
      const found = [...db.getVertices()].map(([, vertex]) => decoded(vertex.text));
      expect(found.length, `seed ${seed}`).toBeGreaterThan(0);
      for (const one of meant) expect(found, `seed ${seed}`).toContain(one);
      expect(db.getEdges().length, `seed ${seed}`).toBe((text.match(/ -->| -\.->/g) ?? []).length);
      expect(
        db.getSubGraphs().map(({ title }) => decoded(title)),
        `seed ${seed}`,
      ).toEqual(written(text, /^subgraph r\d+\["(.*)"\]$/));
      expect(
        [...db.getVertices().keys()].filter((id) => !/^(?:r\d+(?:[se]|[nd]\d+)|missing)$/.test(id)),
        `seed ${seed}`,
      ).toEqual([]);
    }
  });

  it('REC-2: shows every hostile name as the text that it is', async () => {
    for (const name of HOSTILE) {
      const db = await read(`flowchart TD\na["${label(name)}"]\n`);
      const shown = decoded(db.getVertices().get('a')?.text ?? '');
      expect(shown, JSON.stringify(name)).toBe(decoded(label(name)));
      expect(db.getVertices().size).toBe(1);
      expect(shown).not.toMatch(/\p{C}/u);
      expect(Array.from(shown).length).toBeLessThanOrEqual(60);
    }
    expect(decoded(label('<b>"a"</b> `x` #35; 1'))).toBe('<b>"a"</b> `x` #35; 1');
  });

  it.each([
    ['one by one, alike', many(5_000)],
    ['one by one, of two kinds in turn', many(5_000, { names: 2 })],
    ['one by one, all different', many(1_900, { names: 1_900 })],
    ['at once', many(1_500, { names: 1_500, atOnce: true })],
    ['at once, of which the lines alone are too many', many(280, { names: 280, atOnce: true })],
  ])(
    'REC-2: of thousands of steps %s stays within what Mermaid draws, and says what is left out',
    async (_what, journals) => {
      for (const text of [flowchart(flowOf(journals)), sequenceDiagram(flowOf(journals))]) {
        expect(text.length).toBeLessThanOrEqual(MERMAID_LIMITS.characters);
        await read(text);
        // A step is one line of a sequence, so more of them fit into it than into boxes and arrows.
        expect(/left out/.test(text) || (text.startsWith('sequenceDiagram') && !isCut(text, journals))).toBe(true);
      }
      expect((await read(flowchart(flowOf(journals)))).getEdges().length).toBeLessThanOrEqual(MERMAID_LIMITS.edges);
    },
  );

  it('REC-2: of thousands of runs stays within it too', async () => {
    const children = Array.from({ length: 3_000 }, (_item, n) => `child-${n}`);
    const journals: readonly Journal[] = [
      {
        id: 'root',
        entries: [
          { type: 'run-start', definition: 'many', version: '1', seq: 1, at: 0 },
          ...children.map((child, n) => ({
            type: 'wait-start' as const,
            key: child,
            fingerprint: '',
            kind: 'child' as const,
            child,
            seq: n + 2,
            at: n,
          })),
        ],
      },
      ...children.map((id): Journal => ({
        id,
        entries: [{ type: 'run-start', definition: HOSTILE[3] ?? '', version: '1', seq: 1, at: 5 }],
      })),
    ];
    const flow = flowOf(journals, { maxRuns: 5_000, maxNodes: 10_000 });

    for (const text of [flowchart(flow), sequenceDiagram(flow)]) {
      expect(text.length).toBeLessThanOrEqual(MERMAID_LIMITS.characters);
      await read(text);
      expect(text).toMatch(/left out/);
    }
  });
});

/** Whether a sequence shows fewer steps than the root has on record. */
const isCut = (text: string, [root]: readonly Journal[]): boolean =>
  text.split('r1->>r1: step').length - 1 < (root?.entries.filter(({ type }) => type === 'step-end').length ?? 0);

describe('a sequence diagram', () => {
  it('REC-2: is read by Mermaid with who asked whom and when', async () => {
    const journals: readonly Journal[] = [
      {
        id: 'root',
        entries: [
          { type: 'run-start', definition: 'agent', version: '1', seq: 1, at: 0 },
          { ...step('model:1', 2, 200, 150), kind: 'model', name: 'openai/gpt' },
          { ...step('call', 3, 300, 90), kind: 'tool', name: 'search' },
          { type: 'run-end', status: 'completed', seq: 4, at: 310 },
        ],
      },
    ];

    const db = await read(sequenceDiagram(flowOf(journals)));

    expect([...db.getActors()].map(([id, { description }]) => [id, decoded(description)])).toEqual([
      ['r1', 'agent root'],
      ['model', 'model'],
      ['tool', 'tools'],
    ]);
    expect(db.getMessages().map(({ from, to, message }) => [from, to, decoded(message)])).toEqual([
      ['r1', 'model', 'model openai/gpt, 150 ms'],
      ['model', 'r1', 'done'],
      ['r1', 'tool', 'tool search, 90 ms'],
      ['tool', 'r1', 'done'],
      ['r1', 'r1', 'completed, 310 ms'],
    ]);
  });

  it('REC-2: of any tree is read by Mermaid, whatever its names are', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const text = sequenceDiagram(randomFlow(seed));
      const db = await read(text);
      expect(
        db.getMessages().map(({ message }) => decoded(message).trim()),
        `seed ${seed}`,
      ).toEqual(written(text, /^(?:note over )?\w+(?:-?->>\w+)?: ?(.*)$/).map((one) => one.trim()));
      expect(
        [...db.getActors().values()].map(({ description }) => decoded(description)),
        `seed ${seed}`,
      ).toEqual(written(text, /^participant \w+ as (.*)$/));
    }
  });
});

function step(key: string, seq: number, at: number, durationMs: number) {
  return {
    type: 'step-end',
    key,
    fingerprint: '',
    kind: 'step',
    attempt: 1,
    outcome: { ok: true },
    durationMs,
    seq,
    at,
  } as const;
}
