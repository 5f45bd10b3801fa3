// The interface between a module and Kubeloom, version 1: bytes come in through `alloc`, texts go out through
// `result_ptr` and `result_len`, and each call begins with `reset`.
//
//   memory   | data of the module | what its globals made at the start | arena ...
//                                                                      ^ mark: here `reset` goes back to
//
// All objects of AssemblyScript's stub runtime lie one behind the other, so forgetting them is moving one pointer.

/** Size of the header of a block, and the alignment of blocks (std/assembly/rt/common.ts). */
const HEADER: usize = 4;
const ALIGNMENT: usize = 15;

let mark: usize = 0;
let result: usize = 0;
let length: i32 = 0;
let refusal: string = '';

export function abi_version(): i32 {
  return 1;
}

/** Where the first block of the heap begins, behind its header. */
function first(): usize {
  return (__heap_base + HEADER + ALIGNMENT) & ~ALIGNMENT;
}

export function reset(): void {
  refusal = '';
  result = 0;
  length = 0;
  if (mark == 0) {
    mark = __alloc(0);
    __free(mark);
    return;
  }
  __reset();
  if (mark == first()) return;
  // One block over everything that stays; the header of what lies there is not its.
  const header = load<usize>(first() - HEADER);
  __alloc(mark - HEADER - first());
  store<usize>(first() - HEADER, header);
}

export function alloc(size: i32): usize {
  return __alloc(<usize>size);
}

export function result_ptr(): usize {
  return result;
}

export function result_len(): i32 {
  return length;
}

/** Says that there is no answer, and why: the module's failurePolicy decides then. The first message counts. */
export function refuse(message: string): void {
  if (refusal.length == 0) refusal = message.length > 0 ? message : 'refused';
}

/** Ends a call: with the answer, or with the refusal. For the generated entry. */
export function finish(answer: string): i32 {
  const refused = refusal.length > 0;
  const text = String.UTF8.encode(refused ? refusal : answer);
  result = changetype<usize>(text);
  length = text.byteLength;
  return refused ? 1 : 0;
}
