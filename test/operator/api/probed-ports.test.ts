import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { probedPorts } from '../../../operator/api/probed-ports.ts';

const ports = [
  { name: 'web', containerPort: 8080 },
  { name: 'rpc', containerPort: 9000 },
];
const of = (container: JsonObject, spec: JsonObject = {}): ReturnType<typeof probedPorts> =>
  probedPorts({ containers: [{ ports, ...container }], ...spec });

describe('probedPorts', () => {
  it('are those of all probes, by number or by the name of a port of the container', () => {
    expect(
      of({
        startupProbe: { grpc: { port: 9000 } },
        livenessProbe: { httpGet: { path: '/', port: 'web' } },
        readinessProbe: { tcpSocket: { port: 7000 } },
      }),
    ).toEqual([
      { port: 7000, bare: true },
      { port: 8080, bare: false },
      { port: 9000, bare: false },
    ]);
  });

  it('are those of hooks that are requests', () => {
    expect(
      of({ lifecycle: { postStart: { httpGet: { port: 'rpc' } }, preStop: { exec: { command: ['true'] } } } }),
    ).toEqual([{ port: 9000, bare: false }]);
  });

  it('are of containers that stay, and of no others', () => {
    const probe = (port: number): JsonObject => ({ livenessProbe: { httpGet: { port } } });
    const initContainers = [{ restartPolicy: 'Always', ...probe(1) }, probe(2)];
    expect(of({}, { initContainers })).toEqual([{ port: 1, bare: false }]);
  });

  it('are bare when one of several probes only connects', () => {
    for (const [a, b] of [
      ['livenessProbe', 'readinessProbe'],
      ['readinessProbe', 'livenessProbe'],
    ] as const)
      expect(of({ [a]: { tcpSocket: { port: 80 } }, [b]: { httpGet: { port: 80 } } })).toEqual([
        { port: 80, bare: true },
      ]);
  });

  it.each<[string, JsonObject]>([
    ['of another host', { livenessProbe: { httpGet: { host: '192.0.2.1', port: 80 } } }],
    ['of a name that no port has', { livenessProbe: { tcpSocket: { port: 'none' } } }],
    ['of a command', { livenessProbe: { exec: { command: ['true'] } } }],
    ['without a port', { livenessProbe: { httpGet: {} } }],
    ['that are no probes', { livenessProbe: 7, lifecycle: [] }],
  ])('are not those %s', (_, container) => {
    expect(of(container)).toEqual([]);
  });
});
