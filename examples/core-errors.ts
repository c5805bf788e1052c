// An error crosses a process boundary and is still told apart by its code.
import assert from 'node:assert/strict';
// #region usage
import { deserializeError, isPrusikError, PrusikError, serializeError } from '@prusik/core';

const line = JSON.stringify(serializeError(new PrusikError('QUOTA_EXCEEDED', 'Tenant t1 used 12 of 10 runs')));

// … in another process, with another copy of the package:
const error = deserializeError(JSON.parse(line));
const isQuota = isPrusikError(error, 'QUOTA_EXCEEDED');
// #endregion usage
assert.equal(isQuota, true);
