/** An id of a call that is short and plain enough for every provider and for a step key; another one is replaced when the reply is stored. */
export const isPlainId = (callId: string): boolean => /^[\w.:-]{1,64}$/.test(callId);
