// On a physical network others must hear of a pod's interface, and may have its addresses already: questions for the static
// program `neighbour` (neighbour.c), which is started once OVN forwards for the interface. On an overlay OVN answers for every
// port and knows no address twice; there others hear only of addresses that may have been another pod's a moment ago.
import { familyOf } from '../../lib/net/index.ts';
import type { PortSpec } from '../items.ts';
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import { CNI_CODE, CniError } from './error.ts';
import type { CniRequest } from './request.ts';

export interface NeighbourContext {
  readonly run: Run;
  /** Path of the program. */
  readonly neighbour: string;
  /** Whether to ask for conflicts at all: a setting of the node. */
  readonly detectsConflicts: boolean;
}

const host = (prefix: string): string => prefix.replace(/\/.*/, '');

/** Arguments of the program, none where there is nothing to do. Plans kept by an agent before this one have no `wire`. */
export function neighbourTasks(port: Pick<PortSpec, 'addresses' | 'gateways' | 'wire'>, detects: boolean): string[] {
  const wire = port.wire as PortSpec['wire'] | undefined;
  if (!wire) return [];
  const own = port.addresses.map(host);
  const gateways = port.gateways.flatMap((gateway) => {
    const source = own.find((address) => familyOf(address) === familyOf(gateway));
    return source === undefined ? [] : [['gateway', source, gateway]];
  });
  return [
    ...(wire !== 'announce' && detects ? own.map((address) => ['detect', address]) : []),
    ...own.map((address) => ['announce', address]),
    ...(wire === 'gateway' ? gateways : []),
  ].flat();
}

/** The program's exit statuses that say something of the network. */
const OUTCOMES = [
  { status: 'exit status 2', code: CNI_CODE.stepFailed, stage: 'address-conflict' },
  { status: 'exit status 3', code: CNI_CODE.tryAgain, stage: 'gateway-check' },
] as const;

/** Throws a CniError when an address is in use or a gateway does not answer. */
export async function meetNeighbours(context: NeighbourContext, request: CniRequest, port: PortSpec): Promise<void> {
  const tasks = neighbourTasks(port, context.detectsConflicts);
  if (tasks.length === 0) return;
  try {
    await context.run([context.neighbour, request.netns, request.ifname, ...tasks]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const outcome = OUTCOMES.find(({ status }) => error.outcome === status);
    const { code, stage } = outcome ?? { code: CNI_CODE.stepFailed, stage: 'neighbours' };
    const message = outcome === undefined ? `telling the neighbours failed: ${error.message}` : error.stderr;
    throw new CniError(code, message, '', { cause: error, stage });
  }
}
