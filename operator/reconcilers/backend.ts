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
  return {
    all: textOf(found, publishNotReady),
    on: (node) =>
      textOf(
        found.filter((one) => one.node === node),
        publishNotReady,
      ),
  };
}

const backend = ({ address, node, pod, state }: Endpoint, port: number): Backend => ({
  target: withPort(address, port),
  node,
  pod,
  state,
});

/** Where nobody is ready, those on their way out that still serve are better than nobody. */
function textOf(backends: readonly Backend[], publishNotReady: boolean): string {
  const ready = publishNotReady ? backends : backends.filter(({ state }) => state === 'ready');
  const chosen = ready.length > 0 ? ready : backends.filter(({ state }) => state === 'draining');
  return [...new Set(chosen.map(({ target }) => target))].sort().join(',');
}
