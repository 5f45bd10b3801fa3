// The annotation node_networks of a node: further addresses on which it takes tunnels, by the names that
// Subnet.spec.nodeNetwork says.
import { canonicalIp } from '../../lib/net/index.ts';

export interface NodeNetwork {
  readonly name: string;
  /** Canonical. */
  readonly address: string;
}

export interface NodeNetworks {
  /** Those that can be used, by name. */
  readonly networks: readonly NodeNetwork[];
  /** What cannot, and why. */
  readonly faults: readonly string[];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** '' is no annotation. */
export function nodeNetworks(text: string): NodeNetworks {
  if (text === '') return { networks: [], faults: [] };
  const json = parsed(text);
  if (!isObject(json)) return { networks: [], faults: ['node_networks is not a JSON object of names and addresses'] };
  const networks: NodeNetwork[] = [];
  const faults: string[] = [];
  for (const [name, value] of Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const address = typeof value === 'string' ? canonicalIp(value) : undefined;
    if (address === undefined) faults.push(`node_networks: ${name} has no address: ${JSON.stringify(value)}`);
    else networks.push({ name, address });
  }
  return { networks, faults };
}
