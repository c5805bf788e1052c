import { coversCall, type Clock, type Denial, type Grant, type Json, type StepScope } from '@prusik/core';
import type { ApprovalCall, AnyTool } from './tool-types.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';

/** What becomes of one call, as far as that is for its tool's approval and for what people have granted. */
export type Gate =
  /** `grant`: it would have been asked about, but for this one. */
  | { readonly does: 'run'; readonly grant?: string }
  | { readonly does: 'ask'; readonly grantable: boolean }
  | { readonly does: 'deny'; readonly by: Denial['by']; readonly reason: string };

export interface GateOptions {
  readonly clock: Clock;
  /** The input as it is on record, which is what grants are compared with. */
  readonly input: Json;
  readonly grants: StepScope['grants'];
}

type Call = ApprovalCall<unknown, unknown, unknown>;

/** Never rejects: a policy that throws, hangs or returns nonsense denies (and the model reads why). */
export function gateOf(tool: AnyTool, call: Call, options: GateOptions): Gate | Promise<Gate> {
  return tool.approval === 'never' ? RUN : gate(tool, call, options);
}

const RUN: Gate = { does: 'run' };

async function gate(tool: AnyTool, call: Call, { clock, input, grants }: GateOptions): Promise<Gate> {
  const wish = await wishOf(tool, call, clock);
  if (wish.does !== 'ask') return wish;
  // Whoever answers it is asked in any case.
  if (tool.asks !== undefined) return { does: 'run' };
  const grant = wish.grantable ? await coveringGrant(tool, input, grants) : undefined;
  if (grant !== undefined) return { does: 'run', grant: grant.id };
  return call.run.attended ? wish : deny('unattended', 'This call needs an approval, and nobody is there to give it.');
}

async function wishOf(tool: AnyTool, call: Call, clock: Clock): Promise<Gate> {
  switch (tool.approval) {
    case 'never':
      return RUN;
    case 'once':
    case 'always':
      return { does: 'ask', grantable: tool.approval === 'once' };
    case 'policy':
      return wishOfPolicy(tool, call, clock);
    default:
      // A definition that was put together by hand may say anything.
      tool.approval satisfies never;
      return deny('policy', 'The tool does not say clearly whether it needs an approval, so this call is denied.');
  }
}

async function wishOfPolicy(tool: AnyTool, call: Call, clock: Clock): Promise<Gate> {
  try {
    const status = await within(clock, AUTHOR_TIMEOUT_MS, () => tool.policy?.(call));
    switch (status) {
      case 'approved':
      case 'not-applicable':
        return { does: 'run' };
      case 'user-approval':
        return { does: 'ask', grantable: true };
      case 'denied':
        return deny('policy', 'The approval policy denied this call.');
      default:
        return deny('policy', 'The approval policy gave no valid answer, so this call is denied.');
    }
  } catch {
    return deny('policy', 'The approval policy failed, so this call is denied.');
  }
}

const deny = (by: Denial['by'], reason: string): Gate => ({ does: 'deny', by, reason });

/** A store that cannot say what was granted has somebody asked. */
async function coveringGrant(
  { name, hash }: AnyTool,
  input: Json,
  grants: StepScope['grants'],
): Promise<Grant | undefined> {
  try {
    return (await grants(name)).find((grant) => coversCall(grant, { tool: name, toolHash: hash, input }));
  } catch {
    return undefined;
  }
}
