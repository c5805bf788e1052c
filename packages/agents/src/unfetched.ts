import type { Experimental_DownloadFunction as DownloadFunction } from 'ai';

/** Addresses of files that models made, by what stands in for their bytes. */
const addresses = new WeakMap<Uint8Array, string>();

/** The address of a file that a model made and that nobody fetched. */
export const addressOf = (bytes: Uint8Array): string | undefined => addresses.get(bytes);

/**
 * For one model call, in the place of the AI SDK's own download, which would fetch from this machine whatever address a history or a model names. The
 * first request is about the prompt: its addresses go to the provider as they are. Every later one is about a file that the model made, for which the
 * SDK insists on bytes: it gets empty ones, which {@link addressOf} knows.
 */
export function unfetched(): DownloadFunction {
  let ofPrompt = true;
  return async (requests) => {
    const passed = ofPrompt;
    ofPrompt = false;
    return requests.map(({ url }) => {
      if (passed) return null;
      const data = new Uint8Array();
      addresses.set(data, url.href);
      return { data, mediaType: undefined };
    });
  };
}
