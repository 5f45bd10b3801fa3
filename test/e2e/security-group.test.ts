/** SecurityGroups with packets: who is in a group, what its rules allow, and what comes of a group that is not there. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import {
  annotate,
  apply,
  cluster,
  custom,
  events,
  field,
  freshNamespace,
  nbctl,
  podManifest,
  readyPod,
} from './shared.ts';

const ns = 'e2e-security-group';
const key = 'ovn.kubernetes.io/security_groups';
const [web, db, late] = ['e2e-web', 'e2e-db', 'e2e-late'] as const;
const pods = {} as Record<'client' | 'web' | 'peer' | 'db', Pod>;
const soon = { limitMs: 30_000, everyMs: 200 };

const rule = (fields: object): object => ({
  ipVersion: 'ipv4',
  policy: 'allow',
  priority: 10,
  protocol: 'all',
  remoteType: 'address',
  remoteAddress: '0.0.0.0/0',
  ...fields,
});
const http = { protocol: 'tcp', portRangeMin: 8080, portRangeMax: 8080 };
const of = (remoteSecurityGroup: string): object => ({ remoteType: 'securityGroup', remoteSecurityGroup });
const groupOfDb = (ingressRules: readonly object[]): object => custom('SecurityGroup', db, { ingressRules });

beforeAll(async () => {
  await cluster().kubectl(['delete', 'security-group', web, db, late, '--ignore-not-found']);
  await freshNamespace(ns);
  await apply(
    custom('Subnet', ns, { cidrBlock: '10.67.0.0/24', namespaces: [ns] }),
    custom('SecurityGroup', web, {
      allowSameGroupTraffic: true,
      ingressRules: [rule(http)],
      egressRules: [rule(of(db))],
    }),
    groupOfDb([rule(of(web))]),
  );
  const inGroup = (group: string): object => ({ annotations: { [key]: group } });
  // Nobody is ready whom the kubelet of his node cannot probe.
  await apply(
    podManifest(ns, 'client', { node: 'n1' }),
    podManifest(ns, 'web', { node: 'n1', ...inGroup(web) }),
    podManifest(ns, 'peer', { node: 'n2', ...inGroup(web) }),
    podManifest(ns, 'db', { node: 'n2', ...inGroup(db) }),
  );
  for (const name of ['client', 'web', 'peer', 'db'] as const) pods[name] = await readyPod(ns, name);
});

const commands = {
  ping: (ip: string) => `ping -c1 -W1 ${ip} >/dev/null`,
  http: (ip: string) => `curl -sS -m2 -o /dev/null http://${ip}:8080/ 2>/dev/null`,
};

/** Whether it gets through, with the reply. */
async function reaches(from: Pod, to: Pod, by: keyof typeof commands): Promise<boolean> {
  return (await exec(cluster(), from, ['bash', '-c', `${commands[by](to.ip)}; echo $?`])).trim() === '0';
}

const becomes = (from: Pod, to: Pod, by: keyof typeof commands, ...[wanted]: readonly [boolean]): Promise<unknown> =>
  waitFor(async () => (await reaches(from, to, by)) === wanted, {
    what: `${from.name} ${wanted ? 'to reach' : 'not to reach'} ${to.name} by ${by}`,
    ...soon,
  });

describe('pods in groups', () => {
  it.each([
    ['client', 'web', 'http', true],
    ['client', 'web', 'ping', false],
    ['peer', 'web', 'ping', true],
    ['web', 'db', 'http', true],
    ['client', 'db', 'http', false],
    ['web', 'client', 'http', false],
    ['db', 'client', 'ping', false],
    ['db', 'web', 'http', false],
  ] as const)('%s to %s by %s: %s', async (from, to, by, passes) => {
    expect(await reaches(pods[from], pods[to], by)).toBe(passes);
  });

  it('are told in the status, and found in OVN', async () => {
    const path =
      '{.status.portGroup} {.status.ingressLastSyncSuccess} {.status.egressLastSyncSuccess} {.status.allowSameGroupTraffic}';
    expect(await field('security-group', web, path)).toBe('ovn.sg.e2e.web true true true');
    expect(await field('security-group', web, '{.status.ingressMd5}')).toMatch(/^[0-9a-f]{32}$/);
    const lsp = ['get', 'logical_switch_port', `web.${ns}`];
    expect((await nbctl(...lsp, 'external_ids:security_groups')).trim()).toBe(web);
    expect((await nbctl(...lsp, `external_ids:associated_sg_${web}`)).trim()).toBe('"true"');
    const set = ['--bare', '--columns=addresses', 'find', 'address_set', 'name=ovn.sg.e2e.db.associated.v4'];
    expect((await nbctl(...set)).trim()).toBe(pods.db.ip);
  });
});

describe('a running pod', () => {
  it('is as free as others when it leaves its group, and closed when it is in one again', async () => {
    await annotate(ns, 'db', `${key}-`);
    await becomes(pods.client, pods.db, 'http', true);
    expect(await reaches(pods.db, pods.client, 'ping')).toBe(true);
    await annotate(ns, 'db', `${key}=${db}`);
    await becomes(pods.client, pods.db, 'http', false);
  });
});

describe('a rule', () => {
  it('of a group that comes later lets nobody in, and says so, until it is there', async () => {
    await apply(groupOfDb([rule(of(web)), rule(of(late))]));
    const synced = (wanted: string): Promise<unknown> =>
      waitFor(async () => (await field('security-group', db, '{.status.ingressLastSyncSuccess}')) === wanted, {
        what: `ingressLastSyncSuccess of ${db} to be ${wanted}`,
        ...soon,
      });
    await synced('false');
    const about = await waitFor(
      async () => (await events('default', db)).find((line) => line.includes('SecurityGroupNotFound')),
      { what: 'an event about the missing group', ...soon },
    );
    expect(about).toContain(`SecurityGroup ${late} does not exist`);
    expect(await reaches(pods.web, pods.db, 'http')).toBe(true);
    expect(await reaches(pods.client, pods.db, 'http')).toBe(false);
    await apply(custom('SecurityGroup', late, { egressRules: [rule({})] }));
    await annotate(ns, 'client', `${key}=${late}`);
    await synced('true');
    await becomes(pods.client, pods.db, 'http', true);
  });

  it('that cannot be read opens nothing', async () => {
    await apply(groupOfDb([rule({ remoteAddress: '0.0.0.0/0 || 1' })]));
    await becomes(pods.web, pods.db, 'http', false);
    expect(await reaches(pods.client, pods.db, 'ping')).toBe(false);
    await cluster().kubectl(['delete', 'security-group', web, db, late]);
    await becomes(pods.client, pods.db, 'http', true);
  });
});
