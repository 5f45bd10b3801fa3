// A full collection on demand, without a flag on the command line.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/** Twice: the first leaves what finalizers still held. */
export function collectGarbage(): void {
  gc();
  gc();
}

/** What one round left that died young, so that the next does not pay for it. A millisecond. */
export function collectYoung(): void {
  gc({ type: 'minor' });
}
