// Whose requests always pass, what an update is refused for, what a refusal rests on, and when modules are asked.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { subnetRow, ipRow } from '../../../operator/api/project.ts';
import type { Admit } from '../../../operator/policy/admission.ts';
import type { Origin, Reading } from '../../../operator/webhook/sight.ts';
import { judged, object, operator, request } from './stage.ts';

const taken = { allowed: true, message: '' };
const bad = (metadata: JsonObject = {}, spec: JsonObject = { cidrBlock: 'x' }): JsonObject =>
  object('Subnet', { name: 's', spec, metadata });
const going = { deletionTimestamp: '2026-01-02T00:00:00Z' };

describe('a request', () => {
  it('of the operator passes, and the same one of somebody else does not', async () => {
    const asked = request('CREATE', bad());
    expect(await judged({ ...asked, username: operator }, [])).toEqual(taken);
    const impostor = 'system:serviceaccount:shop:ovn';
    expect((await judged({ ...asked, username: impostor }, [])).message).toBe('cidrBlock x is not a CIDR');
  });

  it('about what is being deleted passes, so that finalizers come off', async () => {
    expect(await judged(request('UPDATE', bad(going), bad({ ...going, finalizers: ['f'] })), [])).toEqual(taken);
    expect(await judged(request('UPDATE', bad(going), bad(going, { cidrBlock: '10.0.0.0/8' })), [])).toEqual(taken);
    const used = [object('IP', { name: 'a.b', spec: { subnet: 's', v4IpAddress: '10.0.0.1' } })];
    expect((await judged(request('DELETE', bad()), used)).allowed).toBe(false);
    expect(await judged(request('DELETE', bad(going)), used)).toEqual(taken);
  });

  it('of the garbage collector to delete passes, and one to make something is looked at', async () => {
    const used = [object('IP', { name: 'a.b', spec: { subnet: 's', v4IpAddress: '10.0.0.1' } })];
    const username = 'system:serviceaccount:kube-system:generic-garbage-collector';
    expect(await judged({ ...request('DELETE', bad()), username }, used)).toEqual(taken);
    expect((await judged({ ...request('CREATE', bad()), username }, used)).allowed).toBe(false);
  });

  it('about a subresource, or a kind that is not checked, passes', async () => {
    expect(await judged({ ...request('UPDATE', bad(), bad({}, {})), subresource: 'status' }, [])).toEqual(taken);
    expect(await judged(request('CREATE', object('Unknown', { name: 'x', spec: {} })), [])).toEqual(taken);
    // The same word in another group is another kind.
    expect(await judged({ ...request('CREATE', bad()), group: 'example.org' }, [])).toEqual(taken);
  });
});

describe('an update', () => {
  it('that leaves the spec as it is passes, however wrong the spec is', async () => {
    expect(await judged(request('UPDATE', bad({ labels: { a: 'b' } }), bad()), [])).toEqual(taken);
  });

  it('is refused for what is new, not for what was wrong before', async () => {
    const was = { cidrBlock: '10.0.0.0/16', mtu: -1 };
    expect(await judged(request('UPDATE', bad({}, { ...was, private: true }), bad({}, was)), [])).toEqual(taken);
    const said = await judged(request('UPDATE', bad({}, { ...was, gatewayType: 'odd' }), bad({}, was)), []);
    expect(said.message).toBe('gatewayType odd is none of distributed, centralized');
  });

  it('tells everything at once', async () => {
    const said = await judged(
      request('CREATE', bad({}, { cidrBlock: '10.0.0.0/16', mtu: -1, gatewayType: 'odd' })),
      [],
    );
    expect(said.message).toBe('gatewayType odd is none of distributed, centralized; mtu -1 is negative');
  });
});

describe('before a refusal', () => {
  const vip = object('Vip', { name: 'v', spec: { subnet: 'fresh', v4ip: '10.1.0.9' } });
  const asked: Origin[] = [];
  const answers =
    (rows: Readonly<Record<string, unknown>>) =>
    async (origins: readonly Origin[]): Promise<readonly Reading[]> => {
      asked.push(...origins);
      return origins.map((origin) => ({ ...origin, row: rows[`${origin.table} ${origin.key}`] }));
    };

  it('what seems to be missing is read, and counts when it is there', async () => {
    asked.length = 0;
    const fresh = subnetRow(object('Subnet', { name: 'fresh', spec: { cidrBlock: '10.1.0.0/16' } }));
    const read = answers({ 'subnet fresh': fresh });
    expect(await judged(request('CREATE', vip), [], { read })).toEqual(taken);
    expect(asked).toEqual([{ table: 'subnet', key: 'fresh' }]);
    const none = await judged(request('CREATE', vip), [], { read: answers({}) });
    expect(none.message).toBe('subnet fresh does not exist');
  });

  it('what is in the way is read, and does not count when it is gone or about to be', async () => {
    const holder = object('IP', { name: 'a.b', spec: { subnet: 'ovn-default', v4IpAddress: '10.16.0.5' } });
    const pod = object('Pod', {
      name: 'p',
      namespace: 'shop',
      metadata: { annotations: { 'ovn.kubernetes.io/ip_address': '10.16.0.5' } },
    });
    const ask = (row: unknown): Promise<{ allowed: boolean }> =>
      judged(request('CREATE', pod), [holder], { read: answers({ 'ip a.b': row }) });
    expect((await ask(ipRow(holder))).allowed).toBe(false);
    expect((await ask(undefined)).allowed).toBe(true);
    const leaving = object('IP', {
      name: 'a.b',
      spec: { subnet: 'ovn-default', v4IpAddress: '10.16.0.5' },
      metadata: going,
    });
    expect((await ask(ipRow(leaving))).allowed).toBe(true);
  });

  it('a subnet that overlaps counts no more when it is gone', async () => {
    const old = object('Subnet', { name: 'old', spec: { cidrBlock: '10.1.0.0/16' } });
    const fresh = request('CREATE', object('Subnet', { name: 'new', spec: { cidrBlock: '10.1.0.0/24' } }));
    expect((await judged(fresh, [old], { read: answers({ 'subnet old': subnetRow(old) }) })).allowed).toBe(false);
    expect((await judged(fresh, [old], { read: answers({}) })).allowed).toBe(true);
  });

  it('an API server that does not answer leaves it undecided', async () => {
    const read = (): Promise<never> => Promise.reject(new Error('no answer'));
    await expect(judged(request('CREATE', vip), [], { read })).rejects.toThrow('no answer');
  });

  it('nothing is read for what is taken', async () => {
    asked.length = 0;
    const there = [object('Subnet', { name: 'fresh', spec: { cidrBlock: '10.1.0.0/16' } })];
    expect(await judged(request('CREATE', vip), there, { read: answers({}) })).toEqual(taken);
    expect(asked).toEqual([]);
  });
});

describe('modules of users', () => {
  const calls: unknown[][] = [];
  const admit: Admit = async (...args) => {
    calls.push(args);
    return { allowed: false, message: 'not on Fridays' };
  };
  const ask = async (given: ReturnType<typeof request>): Promise<string> => {
    calls.length = 0;
    return (await judged(given, [], { admit })).message;
  };
  const good = (metadata: JsonObject = {}, spec: JsonObject = { cidrBlock: '10.1.0.0/16' }): JsonObject =>
    object('Subnet', { name: 's', spec, metadata });

  it('are asked about each of our kinds, with the object and the one before it', async () => {
    expect(await ask(request('CREATE', good()))).toBe('not on Fridays');
    expect(calls).toEqual([['Subnet', 'CREATE', good(), undefined]]);
    expect(await ask(request('DELETE', good()))).toBe('not on Fridays');
    expect(calls).toEqual([['Subnet', 'DELETE', undefined, good()]]);
    expect(await ask(request('CREATE', object('SecurityGroup', { name: 'g', spec: {} })))).toBe('not on Fridays');
    const labelled = good({ labels: { a: 'b' } });
    expect(await ask(request('UPDATE', labelled, good()))).toBe('not on Fridays');
    expect(calls).toEqual([['Subnet', 'UPDATE', labelled, good()]]);
  });

  it('are not asked about what the checks refuse, the operator writes, or a person cannot have changed', async () => {
    expect(await ask(request('CREATE', bad()))).toBe('cidrBlock x is not a CIDR');
    expect(await ask({ ...request('CREATE', good()), username: operator })).toBe('');
    expect(await ask(request('UPDATE', good({ finalizers: ['f'] }), good()))).toBe('');
    expect(await ask(request('CREATE', object('Pod', { name: 'p', namespace: 'shop' })))).toBe('');
    expect(calls).toEqual([]);
  });
});
