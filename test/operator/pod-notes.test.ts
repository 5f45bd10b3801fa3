import { beforeEach, describe, expect, it } from 'vitest';
import { owner } from '../../lib/delta/ids.ts';
import { Graph } from '../../lib/graph/graph.ts';
import type { Table } from '../../lib/graph/types.ts';
import { ipRow, podRow } from '../../operator/api/project.ts';
import { nodeRef, podRef } from '../../operator/api/refs.ts';
import type { ProblemFact } from '../../operator/api/fact.ts';
import type { Demand, PodRow } from '../../operator/api/tables.ts';
import { WriteRefused } from '../../operator/ipam/writer.ts';
import { type Observation, observedMeta } from '../../operator/kube/applier.ts';
import type { EventNote } from '../../operator/kube/events.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { PodNotes } from '../../operator/pod-notes.ts';
import { podProblems } from '../../operator/pod-problems.ts';
import { Heard } from '../../operator/taps.ts';
import { HandClock } from '../lib/graph/clock.ts';
import { build } from '../worlds/objects.ts';

type Annotations = Readonly<Record<string, string>>;

let told: string[];
let notes: PodNotes;
let pending: Set<string>;

beforeEach(() => {
  told = [];
  pending = new Set();
  const record = ({ about, type, reason, message }: EventNote): void => {
    told.push(`${type} ${about.namespace}/${about.name} ${about.uid} ${reason}: ${message}`);
  };
  const demand = (ip: string): Demand =>
    ({ owner: ip === 'node-n1' ? nodeRef('n1') : podRef('a', 'web') }) as Partial<Demand> as Demand;
  const ip = (name: string) => ipRow(build('IP', name, { for: 'a/web' }));
  notes = new PodNotes({ events: { record }, demand, ip, applied: (of) => !pending.has(of) });
});

const network = (provider: string, ip: string, extra: Annotations = {}): Annotations => ({
  [`${provider}.kubernetes.io/allocated`]: 'true',
  [`${provider}.kubernetes.io/routed`]: 'true',
  [`${provider}.kubernetes.io/ip_address`]: ip,
  [`${provider}.kubernetes.io/mac_address`]: '02:00:00:00:00:01',
  [`${provider}.kubernetes.io/logical_switch`]: 's',
  ...extra,
});

const object = (annotations: Annotations, kind = 'Pod'): KubeObject =>
  ({ apiVersion: 'v1', kind, ...(build('Pod', 'a/web', { annotations }) as object) }) as KubeObject;

const known = (annotations: Annotations): Observation =>
  observedMeta(podRow(build('Pod', 'a/web', { annotations })).meta);

const detail = (provider: string, ip: string, port: string): string =>
  `provider=${provider} subnet=s ip=${ip} mac=02:00:00:00:00:01 logicalSwitchPort=${port}`;

describe('networks', () => {
  const eth0 = network('ovn', '10.16.0.2');
  const blue = network('blue.net.ovn', '10.50.0.2');

  it('that have come are told, the default one first', () => {
    notes.applied(object({ ...blue, ...eth0 }), known({ 'ovn.kubernetes.io/ip_address': '10.16.0.2' }));
    notes.applied(object({ ...blue, ...eth0 }), known({ ...eth0, ...blue }));
    notes.applied(object(eth0, 'Node'), 'absent');
    const parts = [detail('ovn', '10.16.0.2', 'web.a'), detail('blue.net.ovn', '10.50.0.2', 'web.a.blue.net.ovn')];
    expect(told).toEqual([`Normal a/web uid-a/web PodNetworkAllocated: ${parts.join('; ')}`]);
  });

  it('that have gone or changed are told with what they were, and with what they are', () => {
    notes.applied(object(eth0), known({ ...eth0, ...blue }));
    notes.applied(object(network('ovn', '10.16.0.3')), known(eth0));
    notes.applied(object(network('red.net.ovn', '10.51.0.2')), known(blue));
    expect(told).toEqual([
      `Normal a/web uid-a/web PodNetworkUpdated: ${detail('blue.net.ovn', '10.50.0.2', 'web.a.blue.net.ovn')}`,
      `Normal a/web uid-a/web PodNetworkUpdated: ${detail('ovn', '10.16.0.3', 'web.a')}`,
      `Normal a/web uid-a/web PodNetworkAllocated: ${[
        detail('red.net.ovn', '10.51.0.2', 'web.a.red.net.ovn'),
        detail('blue.net.ovn', '10.50.0.2', 'web.a.blue.net.ovn'),
      ].join('; ')}`,
    ]);
  });

  it('of a virtual machine have ports of its name', () => {
    notes.applied(object(network('ovn', '10.16.0.2', { 'ovn.kubernetes.io/virtualmachine': 'vm' })), 'unknown');
    expect(told).toEqual([`Normal a/web uid-a/web PodNetworkAllocated: ${detail('ovn', '10.16.0.2', 'vm.a')}`]);
  });

  it('that are released are told with everything that is given back', () => {
    const ip = { for: 'a/web', subnet: 's', mac: '02:00:00:00:00:01' };
    notes.released(ipRow(build('IP', 'web.a', { ...ip, ip: '10.16.0.2,fd00::2' })));
    notes.released(ipRow(build('IP', 'web.a.lan.net', { ...ip, ip: '192.0.2.2', mac: '' })));
    const both = '10.16.0.2,fd00::2';
    expect(told).toEqual([
      `Normal a/web uid-a/web PodNetworkReleased: logicalSwitchPort=web.a; ipCR=web.a subnet=s; ipam=web.a subnet=s; ${detail('ovn', both, 'web.a')}`,
      'Normal a/web uid-a/web PodNetworkReleased: ipCR=web.a.lan.net subnet=s; ipam=web.a.lan.net subnet=s; ' +
        'provider=lan.net subnet=s ip=192.0.2.2 mac= logicalSwitchPort=web.a.lan.net',
    ]);
  });
});

describe('port security', () => {
  const plain = network('ovn', '10.16.0.2');
  const secure = { ...plain, 'ovn.kubernetes.io/port_security': 'true' };
  const text = `Normal a/web uid-a/web PodSecurityUpdated: ${detail('ovn', '10.16.0.2', 'web.a')}`;
  let table: Table<PodRow>;
  const row = (annotations: Annotations, uid = 'uid-a/web'): PodRow =>
    podRow(build('Pod', 'a/web', { annotations, uid }));
  const change = (annotations?: Annotations, uid?: string): void => {
    if (annotations) table.set('a/web', row(annotations, uid));
    else table.delete('a/web');
    notes.settled();
  };

  beforeEach(() => {
    table = new Heard(new Graph<{ pod: PodRow }>({ clock: new HandClock(), sliceMs: 1 }).table('pod'), (before, now) =>
      notes.changed(before, now),
    );
  });

  it('is told when it changes on a pod that runs', () => {
    change(plain);
    change(secure);
    change({ ...secure, 'blue.net.ovn.kubernetes.io/allocated': 'true' });
    change({ ...secure, 'ovn.kubernetes.io/aaps': 'v' });
    change(plain);
    expect(told).toEqual([text, text, text]);
  });

  it('is not told of what a pod has from the beginning, nor of one that goes', () => {
    change({ 'ovn.kubernetes.io/port_security': 'true' });
    change(secure);
    change();
    change(plain);
    change(secure, 'another of its name');
    expect(told).toEqual([]);
  });

  it('is told when a list shows it', () => {
    change(plain);
    table.replace([['a/web', row(secure)]]);
    table.replace([...table.entries()]);
    notes.settled();
    expect([told, table.size, table.has('a/web'), table.get('a/web')]).toEqual([[text], 1, true, row(secure)]);
  });

  it('is told when the rows are as they are wanted', () => {
    const rows = owner(podRef('a', 'web'));
    change(plain);
    pending.add(rows);
    change(secure);
    expect(told).toEqual([]);
    notes.confirmed(rows);
    notes.confirmed(rows);
    expect(told).toEqual([text]);
  });
});

it('tells a pod what the API server has against its IP object, and nobody of what passes by itself', () => {
  for (const step of ['create', 'finish']) {
    notes.failed(step, 'web.a', new Error('reset'));
    notes.failed(step, 'web.a', new WriteRefused('invalid'));
  }
  notes.failed('create', 'node-n1', new WriteRefused('invalid'));
  expect(told).toEqual([
    'Warning a/web undefined PodNetworkAllocationFailed: stage=createOrUpdateIPCR error=invalid',
    'Warning a/web undefined PodNetworkReleaseFailed: stage=deleteIPCR error=invalid',
  ]);
});

it('words what is refused of a pod as Kube-OVN does, and leaves the rest', () => {
  const passed: ProblemFact[][] = [];
  const frozen: string[] = [];
  const sink = podProblems({
    replace: (_, facts) => passed.push([...facts]),
    freeze: (source) => frozen.push(source),
  });
  const problem = (about: ProblemFact['problem'], reason: ProblemFact['reason']): ProblemFact => ({
    problem: about,
    reason,
    message: 'm',
    owner: owner(about),
  });
  const pod = podRef('a', 'web');
  const others = [problem(nodeRef('n1'), 'Rejected'), problem(pod, 'AcquireAddressFailed')];
  sink.replace('s', [problem(pod, 'Rejected'), problem(pod, 'ObjectRefused'), ...others]);
  sink.freeze('s', new Error('x'));
  expect(passed).toEqual([
    [
      { ...problem(pod, 'CreateOVNPortFailed'), message: 'stage=createLogicalSwitchPort error=m' },
      { ...problem(pod, 'PodNetworkAllocationFailed'), message: 'stage=patchPodAnnotations error=m' },
      ...others,
    ],
  ]);
  expect(frozen).toEqual(['s']);
});
