import type { TransportSendOptions } from '@modelcontextprotocol/client';

/** What is known of one request: whether any of it can have reached the server. */
export interface Sending {
  /** Among the options of the client's request. The callback is the one thing that the client hands through to its transport as it is. */
  readonly options: { readonly onresumptiontoken: (token: string) => void };
  /** False as long as nothing was written: it may then be done again. */
  readonly sent: boolean;
}

const marks = new WeakMap<object, { sent: boolean }>();

/** Begins one request; not to be used for another one. */
export function createSending(): Sending {
  const options = { onresumptiontoken: () => {} };
  const mark = { sent: false };
  marks.set(options.onresumptiontoken, mark);
  return {
    options,
    get sent() {
      return mark.sent;
    },
  };
}

/** Told by a transport right before it writes a request. */
export function markSent(options: TransportSendOptions | undefined): void {
  const mark = options?.onresumptiontoken && marks.get(options.onresumptiontoken);
  if (mark) mark.sent = true;
}
