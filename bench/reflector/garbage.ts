// A full collection on demand, without a flag on the command line.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Twice: the first leaves what finalizers still held. */
export function collectGarbage(): void {
  gc();
  gc();
}
