import type { TransportSendOptions } from '@modelcontextprotocol/client';

/** What is known of one request: whether any of it can have reached the server. */
export interface Sending {
  /** Among the options of the client's request. The callback is the one thing that the client hands through to its transport as it is. */
  readonly options: { readonly onresumptiontoken: (token: string) => void };
  /** False as long as nothing was written: it may then be done again. */
  readonly sent: boolean;
}

/** On the callback itself: an entry of a weak map for each call is work for the collector. */
const MARK = Symbol('sent');
type Marked = ((token: string) => void) & { [MARK]?: boolean };

/** Begins one request; not to be used for another one. */
export function createSending(): Sending {
  const onresumptiontoken: Marked = () => {};
  onresumptiontoken[MARK] = false;
  return {
    options: { onresumptiontoken },
    get sent() {
      return onresumptiontoken[MARK] === true;
    },
  };
}

/** Told by a transport right before it writes a request. */
export function markSent(options: TransportSendOptions | undefined): void {
  const callback: Marked | undefined = options?.onresumptiontoken;
  if (callback?.[MARK] === false) callback[MARK] = true;
}
