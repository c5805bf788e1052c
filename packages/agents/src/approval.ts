import type { ApprovalCall, AnyTool } from './tool-types.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';
import type { Clock } from '@prusik/core';

/** What a tool's approval says about one call. */
export type Gate = { readonly does: 'run' | 'ask' } | { readonly does: 'deny'; readonly reason: string };

/** Never rejects: a policy that throws, hangs or returns nonsense denies (and the model reads why). */
export async function gateOf(
  tool: AnyTool,
  call: ApprovalCall<unknown, unknown, unknown>,
  clock: Clock,
): Promise<Gate> {
  if (tool.approval === 'never') return { does: 'run' };
  if (tool.approval === 'always') return { does: 'ask' };
  try {
    const status = await within(clock, AUTHOR_TIMEOUT_MS, () => tool.policy?.(call));
    switch (status) {
      case 'approved':
      case 'not-applicable':
        return { does: 'run' };
      case 'user-approval':
        return { does: 'ask' };
      case 'denied':
        return { does: 'deny', reason: 'The approval policy denied this call.' };
      default:
        return { does: 'deny', reason: 'The approval policy gave no valid answer, so this call is denied.' };
    }
  } catch {
    return { does: 'deny', reason: 'The approval policy failed, so this call is denied.' };
  }
}
