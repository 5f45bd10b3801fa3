import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lbRuleRow } from '../../../operator/api/lb-rule-row.ts';
import { endpointSliceRow, serviceRow } from '../../../operator/api/service-row.ts';

const functions = [serviceRow, endpointSliceRow, lbRuleRow];

it.each(functions.map((row) => [row.name, row] as const))('%s takes anything without an exception', (_, row) => {
  const words = ['metadata', 'spec', 'status', 'ports', 'endpoints', 'addresses', 'labels', 'loadBalancer', 'ingress'];
  const odd = fc.object({ key: fc.constantFrom(...words), maxDepth: 5 });
  const taken = (object: unknown): void => {
    expect(() => row(object)).not.toThrow();
  };
  fc.assert(fc.property(odd, taken));
  for (const value of [null, undefined, 1, 'x', []]) taken(value);
});

const metadata = { name: 'web', namespace: 'a', uid: 'u' };
const service = (spec: object, status: object = {}): ReturnType<typeof serviceRow> =>
  serviceRow({ metadata, spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ...spec }, status });

describe('a Service', () => {
  it('has the one address of an API server that knows no second family', () => {
    expect(service({ clusterIPs: undefined })?.clusterIps).toEqual(['10.96.0.1']);
  });

  it.each([
    ['None', 'is headless', { clusterIP: 'None', clusterIPs: ['None'], externalIPs: ['192.0.2.1'] }],
    ['', 'has none yet', { clusterIP: '', clusterIPs: [], externalIPs: ['192.0.2.1'] }],
    ['a name', 'is one', { type: 'ExternalName', externalIPs: ['192.0.2.1'] }],
  ])('with address %s %s: it has no other either', (_address, _what, spec) => {
    expect(service(spec)).toMatchObject({ clusterIps: [], externalIps: [] });
  });

  it('has addresses in one spelling, each once, and leaves out what is none', () => {
    const externalIPs = ['2001:DB8::0:1', '2001:db8::1', 'x', '192.0.2.7'];
    expect(service({ externalIPs })?.externalIps).toEqual(['2001:db8::1', '192.0.2.7']);
  });

  it('has the addresses of a load balancer only while it is of that type', () => {
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    expect(service({ type: 'LoadBalancer' }, status)?.externalIps).toEqual(['192.0.2.1']);
    expect(service({ type: 'NodePort' }, status)?.externalIps).toEqual([]);
  });

  it.each([
    ['absent', {}, 10_800],
    ['given', { sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, 5],
  ])('with affinity and a time that is %s', (_, config, seconds) => {
    expect(service({ sessionAffinity: 'ClientIP', ...config })?.affinity).toBe(seconds);
    expect(service({ sessionAffinity: 'None', ...config })?.affinity).toBe(0);
  });

  it('has the ports that OVN can balance', () => {
    const ports = [{ port: 80 }, { name: 'x', port: 81, protocol: 'QUIC' }, { name: 'y', port: 82, protocol: 'SCTP' }];
    expect(service({ ports })?.ports).toEqual([
      { name: '', protocol: 'tcp', port: 80 },
      { name: 'y', protocol: 'sctp', port: 82 },
    ]);
  });

  it('is equal when only unused fields differ', () => {
    const other = serviceRow({
      metadata: { ...metadata, resourceVersion: '7', labels: { app: 'x' } },
      spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], selector: {}, healthCheckNodePort: 30_000 },
    });
    expect(other).toEqual(service({}));
  });
});

describe('an EndpointSlice', () => {
  const slice = (fields: object): ReturnType<typeof endpointSliceRow> =>
    endpointSliceRow({
      metadata: { namespace: 'a', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ...fields,
    });
  const state = (conditions: object | undefined): unknown =>
    slice({ endpoints: [{ addresses: ['10.16.0.2'], conditions }] })?.endpoints[0]?.state;

  it('that belongs to no Service, or has names for addresses, is none', () => {
    expect(endpointSliceRow({ metadata: { namespace: 'a' }, addressType: 'IPv4' })).toBeUndefined();
    expect(slice({ addressType: 'FQDN' })).toBeUndefined();
  });

  it.each([
    [undefined, 'ready'],
    [{}, 'ready'],
    [{ ready: true, serving: true, terminating: true }, 'ready'],
    [{ ready: false, serving: true, terminating: true }, 'draining'],
    [{ ready: false, terminating: true }, 'draining'],
    [{ ready: false, serving: false, terminating: true }, 'unready'],
    [{ ready: false, serving: true }, 'unready'],
    [{ ready: false }, 'unready'],
  ])('with conditions %j: its endpoint is %s', (conditions, wanted) => {
    expect(state(conditions)).toBe(wanted);
  });

  it('has the hints that its endpoints have', () => {
    const addresses = ['10.16.0.2'];
    const endpoints = [
      { addresses, hints: { forZones: [{ name: 'z1' }, { name: 'z2' }], forNodes: [{ name: 'n1' }] } },
      { addresses, hints: { forZones: [{ name: 'z1' }] } },
      { addresses, hints: {} },
    ];
    expect(slice({ endpoints })?.endpoints.map(({ hints }) => hints)).toEqual([
      { nodes: ['n1'], zones: ['z1', 'z2'] },
      { nodes: [], zones: ['z1'] },
      undefined,
    ]);
  });

  it('tells whose pod an endpoint is, and which are none', () => {
    const endpoints = [
      { addresses: ['10.16.0.2', '10.16.0.9'], nodeName: 'n1', targetRef: { kind: 'Pod', name: 'p', namespace: 'a' } },
      { addresses: ['10.16.0.3'], targetRef: { kind: 'Pod', name: 'q' } },
      { addresses: ['172.18.0.2'], targetRef: { kind: 'Node', name: 'n1' } },
      { addresses: [] },
    ];
    expect(slice({ endpoints })?.endpoints).toEqual([
      { address: '10.16.0.2', node: 'n1', pod: 'a/p', state: 'ready' },
      { address: '10.16.0.3', node: '', pod: 'a/q', state: 'ready' },
      { address: '172.18.0.2', node: '', pod: '', state: 'ready' },
    ]);
  });
});
