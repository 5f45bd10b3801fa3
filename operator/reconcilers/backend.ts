// Which backends a port of a Service has, for everybody and for the clients on one node.
import type { Endpoint, EndpointSliceRow, ServicePort, ServiceRow } from '../api/service-row.ts';
import { withPort } from '../nb/rows/load-balancer.ts';

/** A backend of a port: an address with its number there. */
interface Backend extends Omit<Endpoint, 'address'> {
  readonly target: string;
}

export interface Backends {
  /** Those that take connections, as table Load_Balancer has them; '' when there are none. */
  readonly all: string;
  /** Likewise, of one node. */
  readonly on: (node: string) => string;
  /** Whether hints may have clients on different nodes meet different ones. */
  readonly hinted: boolean;
  /** Likewise, those that hints have for clients on a node in a zone. */
  readonly near: (node: string, zone: string) => string;
}

/** Several slices may have one port, under different numbers, and one backend may be in several of them. */
export function backendsOf(
  { publishNotReady }: Pick<ServiceRow, 'publishNotReady'>,
  { name, protocol }: ServicePort,
  slices: readonly EndpointSliceRow[],
): Backends {
  const found = slices.flatMap(({ ports, endpoints }) => {
    const own = ports.filter((port) => port.name === name && port.protocol === protocol);
    return own.flatMap(({ port }) => endpoints.map((endpoint) => backend(endpoint, port)));
  });
  const all = serving(found, publishNotReady);
  return {
    all: textOf(all),
    on: (node) => {
      const here = found.filter((one) => one.node === node);
      return textOf(serving(here, publishNotReady));
    },
    hinted: kinds.some((kind) => isHinted(all, kind)),
    near: (node, zone) => textOf(nearest(all, { nodes: node, zones: zone })),
  };
}

export interface Target extends Pick<ServicePort, 'protocol' | 'port'> {
  readonly address: string;
}

/** Where the ports of a Service are on each node, whoever of them takes connections now: those that last are answered. */
export function targetsByNode(
  ports: readonly ServicePort[],
  slices: readonly EndpointSliceRow[],
): ReadonlyMap<string, readonly Target[]> {
  const isOurs = (one: ServicePort): boolean =>
    ports.some(({ name, protocol }) => name === one.name && protocol === one.protocol);
  const found = slices.flatMap(({ ports: numbers, endpoints }) =>
    numbers
      .filter(isOurs)
      .flatMap(({ protocol, port }) => endpoints.map(({ node, address }) => ({ node, address, protocol, port }))),
  );
  return Map.groupBy(
    found.filter(({ node }) => node !== ''),
    ({ node }) => node,
  );
}

const backend = ({ address, ...endpoint }: Endpoint, port: number): Backend => ({
  target: withPort(address, port),
  ...endpoint,
});

/** Where nobody is ready, those on their way out that still serve are better than nobody. */
function serving(backends: readonly Backend[], publishNotReady: boolean): readonly Backend[] {
  const ready = publishNotReady ? backends : backends.filter(({ state }) => state === 'ready');
  return ready.length > 0 ? ready : backends.filter(({ state }) => state === 'draining');
}

const textOf = (backends: readonly Backend[]): string =>
  [...new Set(backends.map(({ target }) => target))].sort().join(',');

/** Of hints; the nearer first. */
const kinds = ['nodes', 'zones'] as const;
type Kind = (typeof kinds)[number];

/** Hints that one backend lacks are none: whoever makes them may still be at it. */
const isHinted = (backends: readonly Backend[], kind: Kind): boolean =>
  backends.length > 0 && backends.every(({ hints }) => hints !== undefined && hints[kind].length > 0);

/** As kube-proxy has it: whoever is hinted for the node, else for its zone, else everybody. */
function nearest(backends: readonly Backend[], at: Readonly<Record<Kind, string>>): readonly Backend[] {
  for (const kind of kinds.filter((one) => isHinted(backends, one))) {
    const near = backends.filter(({ hints }) => hints?.[kind].includes(at[kind]));
    if (near.length > 0) return near;
  }
  return backends;
}
