// The writers against a real API server, which is the only judge of what a patch does. Every count of writes is read
// from the server's audit log.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { owner } from '../../../lib/delta/ids.ts';
import type { Json, JsonObject, ObjectFact, ProblemFact, Ref, StatusFact } from '../../../operator/api/fact.ts';
import type { Reason } from '../../../operator/api/reasons.ts';
import { Applier, type ApplierOptions, type Observation } from '../../../operator/kube/applier.ts';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { SecretCredentialStore } from '../../../operator/kube/credential-store.ts';
import { EventRecorder } from '../../../operator/kube/events.ts';
import { finalizer, FinalizerKeeper, oldFinalizer } from '../../../operator/kube/finalizer.ts';
import { KubeIpWriter } from '../../../operator/kube/ip-writer.ts';
import { asObject, field, type KubeObject } from '../../../operator/kube/object.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { StatusWriter } from '../../../operator/kube/status.ts';
import { tokenReview } from '../../../operator/kube/token-review.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, type AuditLine, startApiServer } from '../../kube-apiserver.ts';
import { memoryLog } from './fake.ts';

const agent = 'kubeloom-under-test';
const crds = ['subnet', 'vpc', 'ip', 'security-group'];

let api: ApiServer;
let client: KubeClient;
/** Sends as somebody else. */
let user: KubeClient;
beforeAll(async () => {
  api = await startApiServer();
  const texts = await Promise.all(
    crds.map((name) => readFile(new URL(`../../../crds/${name}.yaml`, import.meta.url), 'utf8')),
  );
  await api.apply(texts.join('\n---\n'));
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock, userAgent: agent });
  user = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock, userAgent: 'user' });
});
afterAll(async () => {
  client.close();
  user.close();
  await api.stop();
});

const common = () => ({ client, clock: systemClock, log: memoryLog(), mayWrite: () => true });

/** Writes of the code under test to one object, from the audit log. */
async function writes(name: string): Promise<AuditLine[]> {
  const lines = await api.audit();
  return lines.filter(
    ({ verb, userAgent, objectRef }) =>
      userAgent === agent && objectRef?.name === name && !['get', 'list', 'watch'].includes(verb),
  );
}

const pod = (name: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name, annotations: { user: 'kept' } },
  spec: { containers: [{ name: 'c', image: 'none' }] },
});
const podRef = (name: string): Ref => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'default', name });
const subnetRef = (name: string): Ref => ({ apiVersion: 'kubeovn.io/v1', kind: 'Subnet', namespace: '', name });
const makeSubnet = (name: string, metadata: JsonObject = {}) =>
  user.create(resources.Subnet, {
    apiVersion: 'kubeovn.io/v1',
    kind: 'Subnet',
    metadata: { name, ...metadata },
    spec: { cidrBlock: '10.1.0.0/16' },
  });

describe('Applier', () => {
  const rig = (objects: Map<string, KubeObject>, applied = () => true, told?: ApplierOptions['told']) => {
    const observed = ({ name }: Ref): Observation => {
      const object = objects.get(name);
      return object === undefined ? 'absent' : (object as unknown as JsonObject);
    };
    const applier = new Applier({
      ...common(),
      observed,
      applied,
      onWritten: (object) => objects.set(object.metadata.name, object),
      ...(told && { told }),
    });
    applier.start();
    return applier;
  };
  const annotate = (name: string, annotations: JsonObject, more: Partial<ObjectFact> = {}): ObjectFact => ({
    object: podRef(name),
    manifest: { metadata: { annotations } },
    owner: owner(podRef(name)),
    manager: 'kubeloom',
    generated: false,
    ...more,
  });
  const quiet = (applier: Applier) => eventually(() => applier.size === 0);

  it('writes all annotations of a pod in one request, and a restart writes none', async () => {
    const objects = new Map([['one', await user.create(resources.Pod, pod('one'))]]);
    const uid = objects.get('one')?.metadata.uid ?? '';
    const facts = [annotate('one', { a: '1', b: '2' }, { uid }), annotate('one', { c: '3' }, { uid })];
    const applier = rig(objects);
    applier.replace('pod/one', facts);
    await quiet(applier);
    applier.check(podRef('one'));
    applier.replace('pod/one', facts);
    await quiet(applier);
    const restarted = rig(objects);
    restarted.replace('pod/one', facts);
    await quiet(restarted);
    const { metadata } = await user.get(podRef('one'));
    expect(metadata.annotations).toEqual({ user: 'kept', a: '1', b: '2', c: '3' });
    expect(await writes('one')).toHaveLength(1);
    await applier.stop();
  });

  it('drops what is no longer wanted, and everything when the facts go', async () => {
    const objects = new Map([['drop', await user.create(resources.Pod, pod('drop'))]]);
    const applier = rig(objects);
    applier.replace('x', [annotate('drop', { a: '1', b: '2' })]);
    await quiet(applier);
    applier.replace('x', [annotate('drop', { b: '2' })]);
    await quiet(applier);
    expect((await user.get(podRef('drop'))).metadata.annotations).toEqual({ user: 'kept', b: '2' });
    applier.replace('x', []);
    await quiet(applier);
    expect((await user.get(podRef('drop'))).metadata.annotations).toEqual({ user: 'kept' });
    expect(await writes('drop')).toHaveLength(3);
  });

  it('takes away what must not be there, whoever wrote it, and is content then', async () => {
    const objects = new Map([['other', await user.create(resources.Pod, pod('other'))]]);
    const uid = objects.get('other')?.metadata.uid ?? '';
    const facts = [annotate('other', { a: '1' }, { uid, without: ['user', 'nothing'] })];
    const applier = rig(objects);
    applier.replace('x', facts);
    await quiet(applier);
    expect((await user.get(podRef('other'))).metadata.annotations).toEqual({ a: '1' });
    applier.replace('x', facts);
    await quiet(applier);
    expect(await writes('other')).toHaveLength(2);
    await applier.stop();
  });

  it('tells of each apply, with what was known before it', async () => {
    const objects = new Map([['heard', await user.create(resources.Pod, pod('heard'))]]);
    const told: [unknown, unknown][] = [];
    const applier = rig(objects, undefined, (after, before) => {
      told.push([after.metadata.annotations, (before as unknown as KubeObject).metadata.annotations]);
    });
    for (const a of ['1', '2', '2']) {
      applier.replace('x', [annotate('heard', { a })]);
      await quiet(applier);
    }
    expect(told).toEqual([
      [{ user: 'kept', a: '1' }, { user: 'kept' }],
      [
        { user: 'kept', a: '2' },
        { user: 'kept', a: '1' },
      ],
    ]);
    await applier.stop();
  });

  it('puts back what others changed', async () => {
    const objects = new Map([['drift', await user.create(resources.Pod, pod('drift'))]]);
    const applier = rig(objects);
    applier.replace('x', [annotate('drift', { a: '1' })]);
    await quiet(applier);
    objects.set(
      'drift',
      await user.patch(podRef('drift'), { type: 'merge', body: { metadata: { annotations: { a: 'no' } } } }),
    );
    applier.check(podRef('drift'));
    await quiet(applier);
    expect((await user.get(podRef('drift'))).metadata.annotations?.a).toBe('1');
  });

  it('never writes to a namesake, and never brings a deleted object back', async () => {
    const objects = new Map([['name', await user.create(resources.Pod, pod('name'))]]);
    const uid = objects.get('name')?.metadata.uid ?? '';
    await user.delete(podRef('name'));
    const applier = rig(objects);
    // The reflector is late: it still shows the deleted pod.
    applier.replace('x', [annotate('name', { a: '1' }, { uid })]);
    await quiet(applier);
    await user.create(resources.Pod, pod('name'));
    applier.replace('x', [annotate('name', { a: '2' }, { uid })]);
    await quiet(applier);
    expect((await user.get(podRef('name'))).metadata.annotations).toEqual({ user: 'kept' });
    expect((await writes('name')).map(({ responseStatus }) => responseStatus?.code)).toEqual([409, 422]);
  });

  it('waits until the owner is applied', async () => {
    const objects = new Map([['later', await user.create(resources.Pod, pod('later'))]]);
    let applied = false;
    const applier = rig(objects, () => applied);
    const fact = annotate('later', { a: '1' }, { after: 'applied' });
    applier.replace('x', [fact]);
    await quiet(applier);
    expect(await writes('later')).toEqual([]);
    applied = true;
    applier.confirmed(fact.owner);
    await quiet(applier);
    expect(await writes('later')).toHaveLength(1);
  });

  it('makes generated objects, deletes them with their fact, and prunes those of a process before', async () => {
    const objects = new Map<string, KubeObject>();
    const service = (name: string): ObjectFact => ({
      object: { apiVersion: 'v1', kind: 'Service', namespace: 'default', name },
      manifest: { spec: { ports: [{ port: 80, protocol: 'TCP' }] } },
      owner: owner(subnetRef('s')),
      manager: 'kubeloom',
      generated: true,
    });
    const before = rig(objects);
    before.replace('x', [service('made'), service('left')]);
    await quiet(before);
    before.replace('x', [service('left'), service('stays')]);
    await quiet(before);
    await expect(user.get(service('made').object)).rejects.toThrow('404');
    const restarted = rig(objects);
    restarted.replace('x', [service('stays')]);
    await quiet(restarted);
    await restarted.prune([resources.Service]);
    const { items } = await user.list(resources.Service, { namespace: 'default' });
    expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(['kubernetes', 'stays']);
  });

  it('makes an object that somebody made before its own, whatever else it says of it', async () => {
    const ref: Ref = { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'taken' };
    const there = await user.create(resources.Service, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 'taken' },
      spec: { ports: [{ port: 80, protocol: 'TCP' }] },
    });
    const applier = rig(new Map([['taken', there]]));
    const common = { object: ref, owner: owner(subnetRef('s')), manager: 'kubeloom' };
    const note = { ...common, generated: false, manifest: { metadata: { annotations: { a: '1' } } } };
    applier.replace('note', [note]);
    await quiet(applier);
    applier.replace('rule', [{ ...common, generated: true, manifest: { spec: { type: 'ClusterIP' } } }]);
    await quiet(applier);
    const { metadata } = await user.get(ref);
    expect(metadata.annotations).toEqual({ a: '1', 'kubeloom.io/owner': 'Subnet//s' });
    expect(metadata.uid).toBe(there.metadata.uid);
    applier.replace('note', []);
    applier.replace('rule', []);
    await quiet(applier);
    await expect(user.get(ref)).rejects.toThrow('404');
    await applier.stop();
  });
});

describe('Applier and what the API server refuses', () => {
  const rig = (observed: (ref: Ref) => Observation) => {
    const told = new Map<string, readonly ProblemFact[]>();
    const problems = { replace: (source: string, facts: readonly ProblemFact[]) => void told.set(source, facts) };
    const log = memoryLog();
    const applier = new Applier({ ...common(), log, observed, applied: () => true, problems });
    applier.start();
    return { applier, log, told: () => [...told.values()].flat() };
  };
  const service = (namespace: string, name: string, spec: JsonObject): ObjectFact => ({
    object: { apiVersion: 'v1', kind: 'Service', namespace, name },
    manifest: { spec },
    owner: owner(subnetRef('s')),
    manager: 'kubeloom',
    generated: true,
  });
  const good = { ports: [{ port: 80, protocol: 'TCP' }] };

  it('tells the owner what is refused, keeps trying, and takes it back when it is accepted', async () => {
    const { applier, told } = rig(() => 'unknown');
    applier.replace('x', [service('default', 'refused', { ports: [{ port: 99_999 }] })]);
    await eventually(() => told().length === 1);
    expect(told()[0]).toMatchObject({ problem: subnetRef('s'), reason: 'ObjectRefused' });
    expect(told()[0]?.message).toMatch(/^Service refused: .*spec\.ports\[0\]\.port/);
    applier.replace('x', [service('default', 'refused', good)]);
    await eventually(() => told().length === 0);
    await eventually(() => applier.size === 0);
    expect((await user.get(service('default', 'refused', {}).object)).metadata.name).toBe('refused');
    applier.replace('x', [service('default', 'gone-too', { ports: [{ port: 99_999 }] })]);
    await eventually(() => told().length === 1);
    applier.replace('x', []);
    await eventually(() => told().length === 0);
    await applier.stop();
    expect(applier.kept).toEqual({ applied: 0, waiting: 0, refused: 0, conflicts: 0 });
  });

  it('waits for a kind that is not served yet', async () => {
    const { applier, log } = rig(() => 'unknown');
    const definition = await readFile(new URL('../../../crds/vpc.yaml', import.meta.url), 'utf8');
    await api.kubectl('delete', 'crd', 'vpcs.kubeovn.io', '--wait=true');
    const object = { apiVersion: 'kubeovn.io/v1', kind: 'Vpc', namespace: '', name: 'later' };
    const fact = { object, manifest: { spec: {} }, owner: owner(object), manager: 'kubeloom', generated: true };
    applier.replace('x', [fact]);
    await eventually(() => log.lines.length > 0);
    await api.apply(definition);
    const made = await eventually(() => user.get(object), { within: 20_000 });
    expect(made.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'kubeloom' });
    await applier.stop();
  });

  it('takes no field from who owns it, and fills in one that he left empty', async () => {
    const object = subnetRef('fields');
    const apply = (spec: JsonObject) =>
      user.patch(object, {
        type: 'apply',
        manager: 'somebody',
        body: { apiVersion: object.apiVersion, kind: 'Subnet', metadata: { name: 'fields' }, spec },
      });
    const before = await apply({ cidrBlock: '10.2.0.0/16', gateway: '10.2.0.254', vpc: '' });
    // What we know is older than what he wrote.
    const spec: JsonObject = { cidrBlock: '10.2.0.0/16', vpc: '' };
    const { uid } = before.metadata;
    const { applier, log } = rig(() => ({ metadata: { uid }, spec }));
    const fact = (wanted: JsonObject): ObjectFact => ({
      object,
      manifest: { spec: wanted },
      owner: owner(object),
      manager: 'kube-ovn-defaults',
      generated: false,
      yields: true,
      uid,
    });
    applier.replace('x', [fact({ gateway: '10.2.0.1' })]);
    await eventually(() => log.lines.length > 0);
    expect((await user.get(object)).spec?.gateway).toBe('10.2.0.254');
    // The reflector has caught up, and the defaults were computed again.
    applier.replace('x', [fact({ vpc: 'ovn-cluster' })]);
    await eventually(async () => (await user.get(object)).spec?.vpc === 'ovn-cluster');
    expect((await user.get(object)).spec?.gateway).toBe('10.2.0.254');
    await applier.stop();
  });

  it('makes no object of annotations alone', async () => {
    const { applier } = rig(() => 'absent');
    const object = { apiVersion: 'v1', kind: 'Namespace', namespace: '', name: 'never-made' };
    const manifest = { metadata: { annotations: { a: '1' } } };
    applier.replace('x', [{ object, manifest, owner: owner(object), manager: 'kubeloom', generated: false }]);
    await eventually(() => applier.size === 0);
    expect(await writes('never-made')).toEqual([]);
    await applier.stop();
  });
});

describe('StatusWriter', () => {
  const rig = (name: string, object: KubeObject, applied = () => true) => {
    const shown = { object, ready: [] as string[] };
    const writer = new StatusWriter({
      ...common(),
      observed: (ref) => {
        const { metadata, status = {} } = shown.object;
        return ref.name === name ? { resourceVersion: metadata.resourceVersion, status } : undefined;
      },
      applied,
      onWritten: (written) => (shown.object = written),
      onReady: (ref, reason) => shown.ready.push(`${ref.name} ${reason}`),
    });
    writer.start();
    return { writer, shown };
  };
  const status = (name: string, fields: JsonObject, generation = 1): StatusFact => ({
    status: subnetRef(name),
    generation,
    fields,
    owner: owner(subnetRef(name)),
  });
  const problem = (name: string, reason: string): ProblemFact => ({
    problem: subnetRef(name),
    reason: reason as Reason,
    message: `because of ${reason}`,
    owner: owner(subnetRef(name)),
  });
  const summary = async (name: string) => {
    const { status = {} } = await user.get(subnetRef(name));
    const list = status.conditions as unknown as { type: string; status: string; reason: string }[];
    return Object.fromEntries(list.map((condition) => [condition.type, `${condition.status} ${condition.reason}`]));
  };

  it('tells once that an object is ready, and again when the reason is another', async () => {
    const { writer, shown } = rig('told', await makeSubnet('told'));
    writer.statuses.replace('subnet/told', [status('told', { v4usingIPs: 1 })]);
    await eventually(() => shown.ready.length > 0);
    writer.statuses.replace('subnet/told', [status('told', { v4usingIPs: 2 })]);
    await eventually(() => shown.object.status?.['v4usingIPs'] === 2);
    writer.statuses.replace('subnet/told', [{ ...status('told', { v4usingIPs: 2 }), ready: 'SetNonOvnSubnetSuccess' }]);
    await eventually(() => shown.ready.length > 1);
    expect(shown.ready).toEqual(['told ResetLogicalSwitchAclSuccess', 'told SetNonOvnSubnetSuccess']);
    expect(await summary('told')).toMatchObject({ Ready: 'True SetNonOvnSubnetSuccess' });
  });

  it('says what only confirmed rows make true once they are, and does not take it back while others are on their way', async () => {
    let applied = false;
    const { writer, shown } = rig('stands', await makeSubnet('stands'), () => applied);
    const fact = { ...status('stands', { v4usingIPs: 1 }), confirmed: { activateGateway: 'n1' } };
    writer.statuses.replace('subnet/stands', [fact]);
    await eventually(() => shown.object.status?.v4usingIPs === 1);
    expect(shown.object.status).not.toHaveProperty('activateGateway');
    applied = true;
    writer.confirmed(fact.owner);
    await eventually(() => shown.object.status?.activateGateway === 'n1');
    applied = false;
    writer.statuses.replace('subnet/stands', [{ ...fact, fields: { v4usingIPs: 2 } }]);
    await eventually(() => shown.object.status?.v4usingIPs === 2);
    expect(shown.object.status).toMatchObject({ activateGateway: 'n1' });
    await writer.stop();
  });

  it('says nothing of conditions where the status of a kind has none, and leaves off what is true no more', async () => {
    const about: Ref = { apiVersion: 'kubeovn.io/v1', kind: 'SecurityGroup', namespace: '', name: 'quiet' };
    const type = { apiVersion: about.apiVersion, kind: about.kind };
    const { writer, shown } = rig(
      'quiet',
      await user.create(resources.SecurityGroup, { ...type, metadata: { name: 'quiet' }, spec: {} }),
    );
    const fact = { status: about, generation: 1, fields: { portGroup: 'ovn.sg.quiet' }, owner: owner(about) };
    writer.statuses.replace('group/quiet', [{ ...fact, confirmed: { ingressLastSyncSuccess: true } }]);
    await eventually(() => shown.object.status?.portGroup === 'ovn.sg.quiet');
    expect(shown.object.status).toEqual({ portGroup: 'ovn.sg.quiet', ingressLastSyncSuccess: true });
    writer.statuses.replace('group/quiet', [{ ...fact, fields: { ...fact.fields, ingressLastSyncSuccess: false } }]);
    await eventually(() => shown.object.status?.ingressLastSyncSuccess === false);
    expect((await user.get(about)).status).toEqual({ portGroup: 'ovn.sg.quiet', ingressLastSyncSuccess: false });
    await writer.stop();
  });

  it('writes counts beyond 2^63 once, and neither a repetition nor a restart writes again', async () => {
    const object = await makeSubnet('huge');
    const fields = { v4availableIPs: 65533, v6availableIPs: 2n ** 64n - 2n, v6usingIPs: 9007199254740993n };
    const { writer, shown } = rig('huge', object);
    writer.statuses.replace('subnet/huge', [status('huge', fields)]);
    await eventually(() => shown.object.status?.v6availableIPs !== undefined);
    writer.check(subnetRef('huge'));
    await eventually(() => writer.size === 0);
    const restarted = rig('huge', await user.get(subnetRef('huge')));
    restarted.writer.statuses.replace('subnet/huge', [status('huge', fields)]);
    await eventually(() => restarted.writer.size === 0);
    const after = await user.get(subnetRef('huge'));
    expect(after.status?.v6usingIPs).toBe(9007199254740993n);
    expect(await writes('huge')).toHaveLength(1);
    expect(await summary('huge')).toEqual({
      Ready: 'True ResetLogicalSwitchAclSuccess',
      Validated: 'True ValidateLogicalSwitchSuccess',
      Error: 'False NoError',
    });
  });

  it('tells problems as conditions, and only an invalid spec is not validated', async () => {
    const { writer } = rig('wrong', await makeSubnet('wrong'));
    const fact = status('wrong', {});
    writer.statuses.replace('a', [fact]);
    writer.problems.replace('a', [problem('wrong', 'NoReadyGateway')]);
    await eventually(async () => (await summary('wrong')).Error === 'True NoReadyGateway');
    expect(await summary('wrong')).toMatchObject({
      Ready: 'False NoReadyGateway',
      Validated: 'True ValidateLogicalSwitchSuccess',
    });
    writer.problems.replace('b', [problem('wrong', 'ValidateLogicalSwitchFailed')]);
    await eventually(async () => (await summary('wrong')).Validated === 'False ValidateLogicalSwitchFailed');
    writer.problems.replace('a', []);
    writer.problems.replace('b', []);
    await eventually(async () => (await summary('wrong')).Ready === 'True ResetLogicalSwitchAclSuccess');
  });

  it('writes nothing to a namesake, nor over what has changed since it looked', async () => {
    const old = await makeSubnet('stale');
    await user.delete(subnetRef('stale'));
    const next = await makeSubnet('stale');
    const { writer, shown } = rig('stale', old);
    writer.statuses.replace('a', [status('stale', { v4availableIPs: 1 })]);
    await eventually(async () => (await writes('stale')).length === 1);
    expect((await user.get(subnetRef('stale'))).status).toBeUndefined();
    const annotated = await user.patch(subnetRef('stale'), {
      type: 'merge',
      body: { metadata: { annotations: { a: '1' } } },
    });
    shown.object = next;
    writer.check(subnetRef('stale'));
    await eventually(async () => (await writes('stale')).length === 2);
    shown.object = annotated;
    writer.check(subnetRef('stale'));
    await eventually(async () => (await user.get(subnetRef('stale'))).status?.v4availableIPs === 1);
    expect((await writes('stale')).map(({ responseStatus }) => responseStatus?.code)).toEqual([409, 409, 200]);
    await writer.stop();
  });

  it('is quiet about an object that is gone', async () => {
    const object = await makeSubnet('gone');
    await user.delete(subnetRef('gone'));
    const { writer } = rig('gone', object);
    writer.statuses.replace('a', [status('gone', {})]);
    await eventually(() => writer.size === 0);
    expect((await writes('gone')).map(({ responseStatus }) => responseStatus?.code)).toEqual([404]);
  });
});

describe('FinalizerKeeper', () => {
  const rig = () => {
    const confirmed = { all: true };
    const keeper = new FinalizerKeeper({ ...common(), applied: () => confirmed.all });
    keeper.start();
    const observe = async (name: string) => {
      const { metadata } = await user.get(subnetRef(name));
      const { uid, finalizers = [], deletionTimestamp } = metadata;
      keeper.observe(subnetRef(name), { uid, finalizers, deleting: deletionTimestamp !== undefined });
      keeper.settled();
    };
    const has = async (name: string) => (await user.get(subnetRef(name))).metadata.finalizers ?? [];
    return { keeper, observe, has, confirmed };
  };

  it('adds itself beside others and in place of its old name', async () => {
    const { observe, has } = rig();
    await makeSubnet('fin-none');
    await makeSubnet('fin-old', { finalizers: ['other.io/x', oldFinalizer] });
    await observe('fin-none');
    await observe('fin-old');
    await eventually(async () => (await has('fin-none')).length === 1 && (await has('fin-old')).includes(finalizer));
    expect(await has('fin-none')).toEqual([finalizer]);
    expect(await has('fin-old')).toEqual(['other.io/x', finalizer]);
  });

  it('keeps what others added meanwhile', async () => {
    const { keeper, has } = rig();
    const object = await makeSubnet('fin-race');
    await user.patch(subnetRef('fin-race'), { type: 'merge', body: { metadata: { finalizers: ['other.io/x'] } } });
    keeper.observe(subnetRef('fin-race'), { uid: object.metadata.uid, finalizers: [], deleting: false });
    keeper.settled();
    await eventually(async () => (await has('fin-race')).includes(finalizer));
    expect(await has('fin-race')).toEqual(['other.io/x', finalizer]);
  });

  it('lets a deleted object go only without holds and with its rows confirmed', async () => {
    const { keeper, observe, confirmed } = rig();
    await makeSubnet('fin-hold', { finalizers: [finalizer] });
    await user.delete(subnetRef('fin-hold'));
    const hold = { hold: subnetRef('fin-hold'), reason: 'addresses are in use', owner: owner(subnetRef('fin-hold')) };
    keeper.replace('ip/a', [hold]);
    await observe('fin-hold');
    await eventually(() => keeper.size === 0);
    confirmed.all = false;
    keeper.replace('ip/a', []);
    keeper.settled();
    await eventually(() => keeper.size === 0);
    expect(await writes('fin-hold')).toEqual([]);
    confirmed.all = true;
    keeper.confirmed(hold.owner);
    await eventually(() =>
      user.get(subnetRef('fin-hold')).then(
        () => false,
        () => true,
      ),
    );
    expect(await writes('fin-hold')).toHaveLength(1);
  });
});

describe('KubeIpWriter', () => {
  interface Ip {
    readonly name: string;
    readonly finalizers?: readonly string[];
  }
  const writer = () =>
    new KubeIpWriter<Ip, string>({
      ...common(),
      manifest: ({ name, finalizers = [finalizer] }) => ({
        apiVersion: 'kubeovn.io/v1',
        kind: 'IP',
        metadata: { name, finalizers },
        spec: { subnet: 'ovn-default', podName: 'p', namespace: 'n', v4IpAddress: '10.16.0.2' },
      }),
      row: (object) => object.metadata.uid,
      refused: (message, cause) => new Error(`refused: ${message}`, { cause }),
    });
  const ipRef = (name: string): Ref => ({ apiVersion: 'kubeovn.io/v1', kind: 'IP', namespace: '', name });
  const gone = (name: string) =>
    user.get(ipRef(name)).then(
      () => false,
      () => true,
    );

  it('makes an address in one write and frees it in two', async () => {
    const { outcome, row } = await writer().create({ name: 'p.n' });
    expect(outcome).toBe('created');
    expect(await writer().create({ name: 'p.n' })).toEqual({ outcome: 'exists', row });
    await writer().remove('p.n', row);
    expect((await user.get(ipRef('p.n'))).metadata.deletionTimestamp).toBeDefined();
    await writer().dropFinalizer('p.n', row);
    expect(await gone('p.n')).toBe(true);
    await writer().remove('p.n', row);
    await writer().dropFinalizer('p.n', row);
    const done = (await writes('p.n')).filter(({ responseStatus }) => responseStatus?.code === 200);
    expect(done.map(({ verb }) => verb)).toEqual(['delete', 'patch']);
  });

  it('leaves a namesake alone, and the finalizers of others', async () => {
    const { row } = await writer().create({ name: 'q.n', finalizers: [finalizer, 'other.io/x'] });
    await writer().remove('q.n', 'another-uid');
    await writer().dropFinalizer('q.n', 'another-uid');
    const before = await user.get(ipRef('q.n'));
    expect([before.metadata.finalizers, before.metadata.deletionTimestamp]).toEqual([
      [finalizer, 'other.io/x'],
      undefined,
    ]);
    await writer().dropFinalizer('q.n', row);
    expect((await user.get(ipRef('q.n'))).metadata.finalizers).toEqual(['other.io/x']);
  });

  it('adopts an object by UID and says what was refused', async () => {
    const bare = await user.create(resources.IP, {
      apiVersion: 'kubeovn.io/v1',
      kind: 'IP',
      metadata: { name: 'r.n', labels: { mine: '1' } },
      spec: { subnet: 'ovn-default', podName: 'p', namespace: 'n' },
    });
    await writer().adopt({ name: 'r.n' }, bare.metadata.uid);
    const adopted = await user.get(ipRef('r.n'));
    expect(adopted.metadata.finalizers).toEqual([finalizer]);
    expect(adopted.metadata.labels).toEqual({ mine: '1' });
    expect(adopted.spec?.v4IpAddress).toBe('10.16.0.2');
    await expect(writer().adopt({ name: 'r.n' }, 'another-uid')).rejects.toThrow('refused');
    await expect(writer().create({ name: 'Not_A_Name' })).rejects.toThrow('refused');
  });
});

describe('EventRecorder', () => {
  const rig = (uidOf: () => string | undefined = () => undefined) => {
    const recorder = new EventRecorder({ ...common(), component: 'kube-ovn-controller', instance: 'test', uidOf });
    recorder.start();
    return recorder;
  };

  it('is shown by kubectl describe, repeated events as a count', async () => {
    const { metadata } = await user.create(resources.Pod, pod('told'));
    const recorder = rig();
    const note = {
      about: { ...podRef('told'), uid: metadata.uid },
      type: 'Warning',
      reason: 'AcquireAddressFailed',
    } as const;
    recorder.record({ ...note, message: 'no address' });
    await eventually(async () => (await api.kubectl('describe', 'pod', 'told')).includes('AcquireAddressFailed'));
    recorder.record({ ...note, message: 'no address' });
    recorder.record({ ...note, message: 'no address' });
    const text = await eventually(async () => {
      const described = await api.kubectl('describe', 'pod', 'told');
      return described.includes('x3 over') ? described : undefined;
    });
    expect(text).toMatch(/Warning +AcquireAddressFailed .*kube-ovn-controller +no address/);
  });

  it('tells a problem of a cluster-scoped object once', async () => {
    const { metadata } = await makeSubnet('troubled');
    const recorder = rig(() => metadata.uid);
    const problem: ProblemFact = {
      problem: subnetRef('troubled'),
      reason: 'InternalError',
      message: 'broken',
      owner: owner(subnetRef('troubled')),
    };
    recorder.replace('a', [problem]);
    recorder.replace('a', [problem]);
    await eventually(() => recorder.size === 0);
    const { items } = await user.list(resources.Event, {
      namespace: 'default',
      fieldSelector: 'involvedObject.name=troubled',
    });
    const told = items.map((event) => [field(event, 'reason'), field(event, 'count'), field(event, 'source')]);
    expect(told).toEqual([['InternalError', 1, { component: 'kube-ovn-controller' }]]);
    recorder.replace('a', []);
    expect(await api.kubectl('describe', 'subnet', 'troubled')).toContain('InternalError');
  });
});

describe('SecretCredentialStore', () => {
  it('keeps other keys, and refuses to overwrite what it has not read', async () => {
    const options = { namespace: 'default', secret: 'kube-ovn-tls', configMap: 'kube-ovn-ca' };
    const store = new SecretCredentialStore({ ...common(), ...options });
    expect(await store.read()).toEqual({ credentials: undefined, version: '' });
    const first = { caCert: 'CA', caKey: 'CAKEY', cert: 'C', key: 'K' };
    expect(await store.write(first, '')).toBe(true);
    expect(await store.write(first, '')).toBe(false);
    const { version } = await store.read();
    const secret: Ref = { apiVersion: 'v1', kind: 'Secret', namespace: 'default', name: 'kube-ovn-tls' };
    await user.patch(secret, { type: 'merge', body: { data: { mine: 'eA==' } } });
    expect(await store.write({ ...first, cert: 'C2' }, version)).toBe(false);
    const again = await store.read();
    expect(await store.write({ ...first, cert: 'C2' }, again.version)).toBe(true);
    expect((await store.read()).credentials?.cert).toBe('C2');
    const data: Json | undefined = field(await user.get(secret), 'data');
    expect(asObject(data)?.mine).toBe('eA==');
    await store.publish('CA');
    await store.publish('CA');
    expect(await writes('kube-ovn-ca')).toHaveLength(1);
  });
});

describe('tokenReview', () => {
  it('tells whose token it is, and that an unknown one is nobody’s', async () => {
    await api.kubectl('create', 'serviceaccount', 'agent');
    const token = (await api.kubectl('create', 'token', 'agent', '--audience', 'kubeloom-plan')).trim();
    const review = tokenReview(client);
    const known = await review(token, 'kubeloom-plan');
    expect(known).toMatchObject({
      authenticated: true,
      audiences: ['kubeloom-plan'],
      user: { username: 'system:serviceaccount:default:agent' },
    });
    expect((await review(token, 'other')).authenticated).not.toBe(true);
    expect((await review('nonsense', 'kubeloom-plan')).authenticated).not.toBe(true);
  });
});
