import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as project from '../../../operator/api/project.ts';

const { centralRow, ipRow, nodeRow, podRow, subnetRow } = project;
const functions = [podRow, nodeRow, project.namespaceRow, ipRow, subnetRow, project.vpcRow, centralRow];

describe('every projection', () => {
  it('takes anything without an exception', () => {
    const field = fc.constantFrom(
      'metadata',
      'spec',
      'status',
      'containerStatuses',
      'conditions',
      'addresses',
      'labels',
    );
    const odd = fc.object({ key: field, maxDepth: 4 });
    fc.assert(fc.property(odd, (object) => functions.forEach((row) => expect(() => row(object)).not.toThrow())));
    for (const row of functions)
      for (const value of [null, undefined, 1, 'x', []]) expect(() => row(value)).not.toThrow();
  });

  it('gives equal rows when only unused fields differ', () => {
    const plain = {
      metadata: { name: 'p', namespace: 'a', uid: 'u' },
      spec: { nodeName: 'n1' },
      status: { phase: 'Running' },
    };
    const other = {
      metadata: { ...plain.metadata, resourceVersion: '7', labels: { app: 'x' }, annotations: { a: 'b' } },
      spec: { ...plain.spec, containers: [{}] },
      status: { ...plain.status, podIP: '1.2.3.4' },
    };
    expect(podRow(other)).toEqual(podRow(plain));
  });

  it('keeps annotations of Kube-OVN, of attached networks and of ours', () => {
    const annotations = {
      'ovn.kubernetes.io/a': '1',
      'nad.ns.ovn.kubernetes.io/b': '2',
      'kubeloom.io/c': '3',
      'x.io/d': '4',
      'notovn.kubernetes.io/e': '5',
      'ovn.kubernetes.io/number': 6,
    };
    expect(podRow({ metadata: { annotations } }).meta.annotations).toEqual({
      'ovn.kubernetes.io/a': '1',
      'nad.ns.ovn.kubernetes.io/b': '2',
      'kubeloom.io/c': '3',
    });
  });
});

describe('a pod is completed', () => {
  const ended = { state: { terminated: {} } };
  const running = { state: { running: {} } };
  it.each<[string, boolean, object, boolean]>([
    ['when it has succeeded', false, { phase: 'Succeeded' }, true],
    ['when it has failed', false, { phase: 'Failed' }, true],
    ['not while it runs', false, { phase: 'Running', containerStatuses: [ended] }, false],
    ['not when it is only to be deleted', true, { phase: 'Running', containerStatuses: [running] }, false],
    [
      'when it is to be deleted and its containers have ended',
      true,
      { phase: 'Running', containerStatuses: [ended] },
      true,
    ],
    [
      'not while a sidecar runs',
      true,
      { phase: 'Running', containerStatuses: [ended], initContainerStatuses: [running] },
      false,
    ],
    ['not before its containers are known', true, { phase: 'Pending' }, false],
  ])('%s', (_, deleting, status, expected) => {
    const metadata = { name: 'p', ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) };
    expect(podRow({ metadata, spec: {}, status }).completed).toBe(expected);
  });
});

it('knows the owners whose pods keep their addresses', () => {
  const owned = (kind: string, controller = true) =>
    podRow({ metadata: { ownerReferences: [{ kind, controller }] } }).podType;
  expect([
    owned('StatefulSet'),
    owned('ReplicaSet'),
    owned('VirtualMachineInstance'),
    owned('StatefulSet', false),
  ]).toEqual(['StatefulSet', '', 'VirtualMachine', '']);
});

it.each([
  [{}, false],
  [{ Ready: 'True' }, true],
  [{ Ready: 'Unknown' }, false],
  [{ Ready: 'True', NetworkUnavailable: 'False' }, true],
  [{ Ready: 'True', NetworkUnavailable: 'True' }, false],
  [{ NetworkUnavailable: 'False' }, false],
])('a node with the conditions %j is ready: %j', (given, ready) => {
  const conditions = Object.entries(given).map(([type, status]) => ({ type, status }));
  expect(nodeRow({ status: { conditions } }).ready).toBe(ready);
});

it('orders the addresses of a node by family and takes InternalIP only', () => {
  const addresses = [
    { type: 'InternalIP', address: 'FC00::2' },
    { type: 'Hostname', address: 'n1' },
    { type: 'InternalIP', address: '172.18.0.2' },
    { type: 'ExternalIP', address: '8.8.8.8' },
  ];
  expect(nodeRow({ status: { addresses } }).internalIps).toEqual(['172.18.0.2', 'fc00::2']);
});

it('reads an IP object in its older and its newer form', () => {
  const annotations = { 'kubeloom.io/owner-uid': 'u1' };
  const metadata = { name: 'p.a', creationTimestamp: '2026-01-02T03:04:05Z', annotations };
  const row = ipRow({
    metadata,
    spec: { v4IpAddress: '10.16.0.2', v6IpAddress: '', ipAddress: '10.16.0.2', macAddress: '0A:00:00:00:00:01' },
  });
  expect(row).toMatchObject({
    addresses: ['10.16.0.2'],
    mac: '0a:00:00:00:00:01',
    ownerUid: 'u1',
    created: Date.UTC(2026, 0, 2, 3, 4, 5),
  });
  expect(ipRow({ spec: { ipAddress: 'fd00::2,10.16.0.2' } }).addresses).toEqual(['10.16.0.2', 'fd00::2']);
});

it('sees the defaults that are held by server-side apply, not those of an update', () => {
  const entry = (operation: string, field: string) => ({
    manager: 'kube-ovn-defaults',
    operation,
    fieldsV1: { 'f:spec': { [`f:${field}`]: {}, '.': {} } },
  });
  expect(
    subnetRow({ metadata: { managedFields: [entry('Update', 'vpc'), entry('Apply', 'gateway')] } }).ownDefaults,
  ).toEqual(['gateway']);
});

it('leaves out a member of ovn-central without an address, or that is gone', () => {
  expect(centralRow({ metadata: { name: 'c' }, status: {} })).toBeUndefined();
  expect(centralRow({ metadata: { name: 'c' }, status: { hostIP: '172.18.0.2', phase: 'Failed' } })).toBeUndefined();
  expect(centralRow({ metadata: { name: 'c' }, status: { hostIP: '172.18.0.2' } })).toEqual({
    pod: 'c',
    hostIp: '172.18.0.2',
    ready: false,
  });
});
