import { flowchart, readFlow, sequenceDiagram } from '@prusik/records';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonText } from '../terminal.ts';
import { oneOf } from '../values.ts';

const FORMS = ['flowchart', 'sequence', 'data'] as const;

export const graph: Command = {
  summary: 'Draw the flow of a run and its children, as Mermaid',
  operands: ['RUN'],
  options: { form: { type: 'string', value: 'FORM', help: `${FORMS.join(', ')} (default: flowchart)` } },
  notes: [
    'Names, times and codes are shown, and no content. With --json, or as data, it is what the diagrams are drawn from.',
  ],
  async run({ io, tell, open, keyOf, operand, values }) {
    const form = oneOf('--form', values.text('form') ?? 'flowchart', FORMS);
    const flow = await readFlow(open().store, keyOf(operand(0)), { signal: io.signal });
    if (tell.json) tell.thing('flow', flow, []);
    else if (form === 'data') tell.text(`${jsonText(flow, 2)}\n`);
    else tell.text(`${(form === 'flowchart' ? flowchart(flow) : sequenceDiagram(flow)).trimEnd()}\n`);
    return EXIT.ok;
  },
};
