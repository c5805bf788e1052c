import { boxesOf, boxLabel, endLabel, missingOf, runLabel, type Box, type Collapse } from './drawing.ts';
import type { Flow, FlowRun } from './flow.ts';
import { label } from './mermaid-text.ts';
import { orderOf } from './order.ts';

/** What Mermaid draws, and GitHub with it, without settings that a text cannot make: edges, and characters of the text. */
export const MERMAID_LIMITS: { readonly edges: number; readonly characters: number } = {
  edges: 500,
  characters: 50_000,
};

const COLLAPSES: readonly Collapse[] = ['none', 'next', 'all', 'runs'];
/** Shapes by what a box is: a step, a wait, a person, a mark. */
const SHAPES: { readonly [Shape in Box['shape']]: readonly [string, string] } = {
  step: ['["', '"]'],
  wait: ['(["', '"])'],
  person: ['{{"', '"}}'],
  mark: ['>"', '"]'],
};

/**
 * A flow as a flowchart of Mermaid: a box for each step and wait, a frame for each run. A line leads from what was over to what began after it; what ran at once stands side by side without one.
 * Within what Mermaid draws: steps that are alike are drawn as one where there are too many, and what is left out is said.
 */
export function flowchart(flow: Flow): string {
  for (const collapse of COLLAPSES) {
    const drawn = draw(flow, { collapse, runs: flow.runs.length });
    if (fits(drawn)) return drawn.text;
  }
  // A run is one box now, so the number of runs is all that is left to be cut.
  let runs = flow.runs.length;
  for (;;) {
    runs = Math.floor(runs / 2);
    const drawn = draw(flow, { collapse: 'runs', runs });
    if (fits(drawn) || runs <= 1) return drawn.text;
  }
}

interface Drawn {
  readonly text: string;
  readonly edges: number;
}

const fits = ({ text, edges }: Drawn): boolean =>
  edges <= MERMAID_LIMITS.edges && text.length <= MERMAID_LIMITS.characters;

function draw(flow: Flow, { collapse, runs }: { readonly collapse: Collapse; readonly runs: number }): Drawn {
  const shown = flow.runs.slice(0, runs);
  const numbers = new Map(shown.map(({ id }, place) => [id, place + 1]));
  const boxes = shown.map((run) => boxesOf(run, collapse));
  const parts = shown.map((run, place) => drawRun(run, boxes[place] ?? [], { number: place + 1, collapse, numbers }));
  const missing = missingOf(flow, {
    runs: shown.length,
    boxes: collapse === 'none' ? 0 : sum(boxes.map((of) => of.length)),
    nodes: collapse === 'none' ? 0 : sum(shown.map(({ nodes }) => nodes.filter(({ type }) => type !== 'mark').length)),
  });
  const lines = [
    'flowchart TD',
    ...parts.flatMap((part) => part.lines),
    ...parts.flatMap((part) => part.edges),
    ...(missing === undefined ? [] : [`missing["left out: ${label(missing)}"]`]),
    'classDef bad stroke-width:3px,stroke-dasharray:4 2',
  ];
  return { text: `${lines.join('\n')}\n`, edges: sum(parts.map(({ edges }) => edges.length)) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

interface Drawing {
  readonly number: number;
  readonly collapse: Collapse;
  readonly numbers: ReadonlyMap<string, number>;
}

function drawRun(
  run: FlowRun,
  boxes: readonly Box[],
  { number, collapse, numbers }: Drawing,
): { readonly lines: readonly string[]; readonly edges: readonly string[] } {
  const first = `r${number}s`;
  const last = `r${number}e`;
  if (collapse === 'runs') {
    const parent = run.parent === undefined ? undefined : numbers.get(run.parent.run);
    return {
      lines: [`${first}["${runLabel(run)}, ${endLabel(run)}"]`],
      edges: parent === undefined ? [] : [`r${parent}s -->|child| ${first}`],
    };
  }
  const idOf = (place: number): string => `r${number}n${place + 1}`;
  const { groups, edges: within } = orderOf(boxes);
  const edges = within.map(([from, to]) => `${idOf(from)} --> ${idOf(to)}`);
  const dots: string[] = [];
  const led = new Set(within.map(([, to]) => to));
  const leading = new Set(within.map(([from]) => from));
  let open: readonly string[] = [first];
  for (const group of groups) {
    const begins = group.filter((place) => !led.has(place)).map(idOf);
    const ends = group.filter((place) => !leading.has(place)).map(idOf);
    // So many lines would cross; a dot between keeps them apart.
    if (open.length > 1 && begins.length > 1) {
      const dot = `r${number}d${dots.length + 1}`;
      dots.push(dot);
      edges.push(...open.map((from) => `${from} --> ${dot}`));
      open = [dot];
    }
    edges.push(...open.flatMap((from) => begins.map((to) => `${from} --> ${to}`)));
    open = ends;
  }
  edges.push(...open.map((from) => `${from} --> ${last}`));
  for (const [place, { children }] of boxes.entries())
    for (const child of children) {
      const below = numbers.get(child);
      if (below !== undefined) edges.push(`${idOf(place)} -.->|child| r${below}s`);
    }
  return {
    lines: [
      `subgraph r${number}["${runLabel(run)}"]`,
      `${first}(("start"))`,
      ...boxes.map((box, place) => {
        const [opens, closes] = SHAPES[box.shape];
        return `${idOf(place)}${opens}${boxLabel(box)}${closes}${box.bad ? ':::bad' : ''}`;
      }),
      ...dots.map((dot) => `${dot}((" "))`),
      `${last}(["${endLabel(run)}"])${run.status === 'completed' ? '' : ':::bad'}`,
      'end',
    ],
    edges,
  };
}
