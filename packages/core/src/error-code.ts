const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Whether it has the form of a code: a word in capitals. What has not may be anybody's text. */
export const isErrorCode = (code: unknown): code is string => typeof code === 'string' && CODE.test(code);
