/** Where the names come from: https://github.com/open-telemetry/semantic-conventions-genai at tag v0.1.0, looked up on 2026-11-28. */
export const CONVENTIONS = 'semantic-conventions-genai v0.1.0';
