// The thread in which a module runs. It loads the module, says so, and then answers inputs in their order. Between two
// calls nobody can reach it, so what happens to an endless one is the host's business: see `progress`.
import { parentPort, workerData } from 'node:worker_threads';
import {
  ABI_VERSION,
  type Description,
  type ForeignExports,
  foreignFunctions,
  INPUTS_SECTION,
  type Reply,
} from './abi.ts';
import { Evaluator } from './evaluation.ts';
import { declarationOf, type Offer } from './inputs.ts';
import { loadModule, ModuleRefused, type RefusalReason } from './module.ts';

export interface WorkerInit {
  readonly bytes: Uint8Array;
  /** JSON text. */
  readonly settings: Uint8Array;
  readonly offer: Offer;
  /** Bytes. */
  readonly memoryCap: number;
  /** Bytes. */
  readonly resultCap: number;
  /** One number: even while nothing is evaluated, odd during an evaluation, another one for each. */
  readonly progress: Int32Array;
}

export type FromWorker =
  | { readonly ready: Description }
  | { readonly refused: RefusalReason; readonly message: string }
  /** The next answers, in the order of the inputs. */
  | { readonly replies: readonly Reply[] };

/** Inputs of one message to the thread, JSON texts. */
export type ToWorker = readonly Uint8Array[];

/** Answers go when this much time has passed, or this much text has gathered; what a thread that is cut off has not told is asked again. */
const flushMs = 1;
const flushChars = 1024 * 1024;

const init = workerData as WorkerInit;

function load(): { evaluator: Evaluator; description: Description } {
  const { bytes, settings, offer, memoryCap, resultCap } = init;
  const contract = { functions: foreignFunctions, abiVersion: ABI_VERSION, memoryCap };
  const module = loadModule<ForeignExports>(bytes, contract);
  const declaration = declarationOf(module.sections(INPUTS_SECTION), offer);
  const evaluator = new Evaluator(module, settings, { resultCap });
  return { evaluator, description: { ...declaration, digest: module.digest } };
}

function tell(message: FromWorker): void {
  parentPort?.postMessage(message, []);
}

function answerAll(evaluator: Evaluator, inputs: ToWorker): void {
  let replies: Reply[] = [];
  let [since, chars] = [performance.now(), 0];
  for (const input of inputs) {
    Atomics.add(init.progress, 0, 1);
    const reply = evaluator.evaluate(input);
    Atomics.add(init.progress, 0, 1);
    replies.push(reply);
    chars += 'answer' in reply ? reply.answer.length : reply.message.length;
    if (chars < flushChars && performance.now() - since < flushMs) continue;
    tell({ replies });
    [replies, since, chars] = [[], performance.now(), 0];
  }
  if (replies.length > 0) tell({ replies });
}

try {
  const { evaluator, description } = load();
  parentPort?.on('message', (inputs: ToWorker) => answerAll(evaluator, inputs));
  tell({ ready: description });
} catch (error) {
  const isRefusal = error instanceof ModuleRefused;
  tell({
    refused: isRefusal ? error.reason : 'Load',
    message: isRefusal ? error.message : `it does not come up: ${String(error)}`,
  });
}
