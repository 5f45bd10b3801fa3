// How much garbage the process lets lie. While it starts, nearly all that it makes stays, and to look for garbage again
// and again only takes time (V8 lets a heap double). From then on little stays, and a heap that may grow by a fifth before it is
// collected keeps the process at two thirds of the memory.
import { setFlagsFromString } from 'node:v8';

/** To be called once, when what there is has been read. */
export function frugal(): void {
  setFlagsFromString('--heap-growing-percent=20');
}
