// The address of a Vip on a real API server: written into the object of its user, once, and taken back without him.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject, StatusFact } from '../../../operator/api/fact.ts';
import { vipKey, vipOfKey, vipRef } from '../../../operator/api/refs.ts';
import type { IpRow } from '../../../operator/api/tables.ts';
import { vipRow } from '../../../operator/api/vip-row.ts';
import { vipManifest } from '../../../operator/ipam/vip-manifest.ts';
import { isSame, type NewIp, WriteRefused } from '../../../operator/ipam/writer.ts';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { conditionsOf } from '../../../operator/kube/conditions.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { StatusWriter } from '../../../operator/kube/status.ts';
import { KubeVipWriter } from '../../../operator/kube/vip-writer.ts';
import { heldBy } from '../../../operator/reconcilers/vip-holding.ts';
import { owner } from '../../../lib/delta/ids.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { memoryLog } from './fake.ts';

let api: ApiServer;
let client: KubeClient;
let writer: KubeVipWriter<NewIp, IpRow>;

beforeAll(async () => {
  api = await startApiServer();
  await api.apply(await readFile(new URL('../../../crds/vip.yaml', import.meta.url), 'utf8'));
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
  writer = new KubeVipWriter<NewIp, IpRow>({
    client,
    mayWrite: () => true,
    manifest: vipManifest,
    row: (object) => heldBy(vipRow(object)),
    refused: (message, cause) => new WriteRefused(message, cause),
    refOf: (name) => vipRef(vipOfKey(name) ?? name),
  });
});
afterAll(async () => {
  client.close();
  await api.stop();
});

const make = (name: string, spec: JsonObject = {}): Promise<KubeObject> =>
  client.create(resources.Vip, {
    apiVersion: 'kubeovn.io/v1',
    kind: 'Vip',
    metadata: { name, labels: { mine: 'kept' } },
    spec: { subnet: 's', ...spec },
  });

const given = (vip: KubeObject, addresses: readonly string[]): NewIp => ({
  name: vipKey(vip.metadata.name),
  subnet: 's',
  podName: vip.metadata.name,
  namespace: '',
  podType: '',
  node: '',
  addresses,
  mac: '02:00:00:00:00:01',
  ownerUid: vip.metadata.uid,
});

it('stands in status and spec, with the labels and the finalizer of Kube-OVN', async () => {
  const ip = given(await make('one', { namespace: 'a' }), ['10.0.0.2', 'fd00::2']);
  const answer = await writer.create(ip);
  expect(answer.outcome).toBe('created');
  expect(isSame(answer.row, ip)).toBe(true);
  const { metadata, spec, status } = await client.get(vipRef('one'));
  expect(metadata.labels).toEqual({
    mine: 'kept',
    'ovn.kubernetes.io/subnet': 's',
    'ovn.kubernetes.io/ip_reserved': '',
  });
  expect(metadata.finalizers).toEqual(['kubeovn.io/kube-ovn-controller']);
  expect(spec).toEqual({
    subnet: 's',
    namespace: 'a',
    v4ip: '10.0.0.2',
    v6ip: 'fd00::2',
    macAddress: '02:00:00:00:00:01',
  });
  expect(status).toEqual({ v4ip: '10.0.0.2', v6ip: 'fd00::2', mac: '02:00:00:00:00:01' });
});

it('is not given twice: who has one keeps it', async () => {
  const vip = await make('twice');
  await writer.create(given(vip, ['10.0.0.3']));
  const again = await writer.create(given(vip, ['10.0.0.4']));
  expect(again.outcome).toBe('exists');
  expect(again.row.addresses).toEqual(['10.0.0.3']);
});

it('is given to no namesake, and makes no Vip', async () => {
  const vip = await make('gone');
  await client.delete(vipRef('gone'), { uid: vip.metadata.uid });
  const none = await writer.create(given(vip, ['10.0.0.5']));
  expect([none.outcome, none.row.addresses]).toEqual(['exists', []]);
  await make('gone');
  const namesake = await writer.create(given(vip, ['10.0.0.5']));
  expect([namesake.outcome, namesake.row.addresses]).toEqual(['exists', []]);
  expect((await client.get(vipRef('gone'))).status).toBeUndefined();
});

it('is taken back without what its user wrote, and the Vip stays', async () => {
  const vip = await make('back', { v4ip: '10.0.0.6' });
  await writer.create(given(vip, ['10.0.0.6', 'fd00::6']));
  await writer.remove(vipKey('back'), vip.metadata.uid);
  const { metadata, spec, status } = await client.get(vipRef('back'));
  expect(metadata.finalizers).toEqual(['kubeovn.io/kube-ovn-controller']);
  expect(spec).toEqual({ subnet: 's', v4ip: '10.0.0.6' });
  expect(status?.v4ip ?? '').toBe('');
  expect(await writer.create(given(vip, ['10.0.0.7']))).toMatchObject({ outcome: 'created' });
});

it('is let go with the finalizer', async () => {
  const vip = await make('leaves');
  await writer.create(given(vip, ['10.0.0.8']));
  await client.delete(vipRef('leaves'), { uid: vip.metadata.uid });
  expect((await client.get(vipRef('leaves'))).metadata.deletionTimestamp).toBeDefined();
  await writer.dropFinalizer(vipKey('leaves'), vip.metadata.uid);
  await expect(client.get(vipRef('leaves'))).rejects.toThrow(/not found/);
});

it('has conditions beside it, which come to rest although each write makes a new generation', async () => {
  const vip = await make('told', { type: 'switch_lb_vip' });
  await writer.create(given(vip, ['10.0.0.9']));
  const shown = { object: await client.get(vipRef('told')) };
  let writes = 0;
  const status = new StatusWriter({
    client,
    clock: systemClock,
    log: memoryLog(),
    mayWrite: () => true,
    applied: () => true,
    observed: () => ({ resourceVersion: shown.object.metadata.resourceVersion, status: shown.object.status ?? {} }),
    onWritten: (object) => {
      writes += 1;
      shown.object = object;
      status.check(vipRef('told'));
    },
  });
  const fact: StatusFact = {
    status: vipRef('told'),
    generation: 0,
    owner: owner(vipRef('told')),
    fields: { type: 'switch_lb_vip', selector: [] },
  };
  status.start();
  status.statuses.replace('Vip/told', [fact]);
  await eventually(() => writes === 1 && status.size === 0);
  const after = (await client.get(vipRef('told'))).status;
  expect(after).toMatchObject({ v4ip: '10.0.0.9', mac: '02:00:00:00:00:01', type: 'switch_lb_vip' });
  const said = conditionsOf(after).map(({ type, status: now }) => [type, now]);
  expect(said).toEqual([
    ['Ready', 'True'],
    ['Validated', 'True'],
    ['Error', 'False'],
  ]);
  expect(writes).toBe(1);
  await status.stop();
});
