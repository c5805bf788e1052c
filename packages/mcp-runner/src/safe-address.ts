const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

export const isOfThisMachine = ({ hostname }: URL): boolean => LOOPBACK.has(hostname);

/** Whether a person may be sent to an address, or come back to it: by TLS, or on this machine. */
export const isSafeAddress = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isOfThisMachine(url));
