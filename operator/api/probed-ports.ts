// Ports of a pod that the kubelet opens connections to, at the pod's address: those of probes, and of the requests that
// are a container's hooks.
import { integerOf, isObject, listOf, objectOf, textOf } from './json.ts';
import type { JsonObject } from './fact.ts';

export interface ProbedPort {
  readonly port: number;
  /** A connection alone is the probe (tcpSocket): nothing is said by it. */
  readonly bare: boolean;
}

/** By number; a port that some say something to and others only connect to is bare. */
export function probedPorts(spec: JsonObject): ProbedPort[] {
  const found = new Map<number, boolean>();
  for (const container of longLived(spec))
    for (const { handler, bare } of handlersOf(container)) {
      // At another host than the pod it is no business of ours.
      if (textOf(handler['host']) !== '') continue;
      const port = numberOf(handler['port'], container);
      if (port > 0) found.set(port, bare || found.get(port) === true);
    }
  return [...found].map(([port, bare]) => ({ port, bare })).sort((a, b) => a.port - b.port);
}

/** Containers, and those beside them that start first (`restartPolicy: Always`). */
function longLived(spec: JsonObject): JsonObject[] {
  const early = listOf(spec['initContainers']).map(objectOf);
  return [
    ...listOf(spec['containers']).map(objectOf),
    ...early.filter((container) => container['restartPolicy'] === 'Always'),
  ];
}

interface Handler {
  readonly handler: JsonObject;
  readonly bare: boolean;
}

function* handlersOf(container: JsonObject): Generator<Handler> {
  for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const probe = objectOf(container[name]);
    for (const kind of ['httpGet', 'grpc']) if (isObject(probe[kind])) yield { handler: probe[kind], bare: false };
    if (isObject(probe['tcpSocket'])) yield { handler: probe['tcpSocket'], bare: true };
  }
  for (const hook of ['postStart', 'preStop']) {
    const request = objectOf(objectOf(container['lifecycle'])[hook])['httpGet'];
    if (isObject(request)) yield { handler: request, bare: false };
  }
}

/** A number, or the name of one of the container's ports; 0 for what is neither. */
function numberOf(port: unknown, container: JsonObject): number {
  if (typeof port !== 'string') return integerOf(port);
  const named = listOf(container['ports'])
    .map(objectOf)
    .find((entry) => entry['name'] === port);
  return integerOf(named?.['containerPort']);
}
