/**
 * The address of an OvnEip, balanced by the router of a VPC: who is outside the VPC reaches those in it by that address,
 * from the node that hosts the router's port and from another.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Probe } from '../cluster/prober.ts';
import { waitFor } from '../cluster/wait.ts';
import { Probers, readyOf } from './policies.ts';
import {
  apply,
  cluster,
  custom,
  events,
  field,
  freshNamespace,
  inCentral,
  nbctl,
  object,
  podManifest,
} from './shared.ts';

const ns = 'e2e-router-lb';
const vpc = 'e2e-router-lb';
const inside = 'e2e-router-lb-in';
/** The name that VPCs with `enableExternal` go by. */
const outside = 'external';
const eip = 'e2e-router-lb';
const vips = ['10.82.0.80', 'fd00:10:82::80'] as const;
const soon = { limitMs: 30_000, everyMs: 200 };
const ports = [{ name: 'tcp', port: 81, targetPort: 8081, protocol: 'TCP' }];

let probers: Probers | undefined;
let backends: readonly string[];

const gone = (...names: readonly string[]): Promise<string> =>
  cluster().kubectl(['delete', ...names, '--ignore-not-found', '--timeout=60s']);

const balanced = (): Promise<string> =>
  nbctl('--bare', '--columns=vips', 'list', 'Load_Balancer', `vpc-${vpc}-tcp-load`);

const tcp = (ip: string): Probe => ({ protocol: 'tcp', ip, port: 81 });

/** Names of those who answer a number of connections; `-` for no answer. */
async function answering(from: string, ip: string, count = 24): Promise<string[]> {
  const answers = await probers?.ask(
    from,
    Array.from({ length: count }, () => tcp(ip)),
  );
  return [...new Set(answers?.map((answer) => answer ?? '-'))].toSorted();
}

const rule = (name: string, spec: object): object =>
  custom('RouterLBRule', name, { vpc, namespace: ns, ports, endpoints: backends, ...spec });

const told = async (name: string, type: string): Promise<string> => {
  const condition = `{.status.conditions[?(@.type=="${type}")]`;
  return await field('rlr', name, `${condition}.status} ${condition}.reason} ${condition}.message}`);
};

const gateway = (change: string): Promise<string> =>
  cluster().kubectl(['label', '--overwrite', 'node', 'n1', `ovn.kubernetes.io/external-gw${change}`]);

/** What is left when all is well, and what a run that broke off may have left. */
async function cleaned(): Promise<void> {
  await gone('rlr', eip, 'e2e-router-lb-bad', 'e2e-router-lb-second');
  await gone('oeip', eip, 'e2e-router-lb-any');
  await cluster().kubectl(['delete', 'namespace', ns, '--ignore-not-found', '--timeout=120s']);
  await gone('subnet', inside);
  await gone('vpc', vpc);
  await gone('subnet', outside);
  await gateway('-');
}

beforeAll(async () => {
  await cleaned();
  await freshNamespace(ns);
  await gateway('=true');
  await apply(
    custom('Subnet', outside, { cidrBlock: '10.82.0.0/24,fd00:10:82::/112' }),
    custom('Vpc', vpc, { enableExternal: true }),
    custom('Subnet', inside, { vpc, cidrBlock: '10.83.0.0/24,fd00:10:83::/112', enableLb: true }),
  );
  const place = (name: string, node: string, subnet: string, command = ['echo-server']): object =>
    podManifest(ns, name, { node, command, annotations: { 'ovn.kubernetes.io/logical_switch': subnet } });
  await apply(
    place('web-1', 'n1', inside),
    place('web-2', 'n2', inside),
    // Ready, and deaf.
    place('mute', 'n2', inside, ['sleep', 'infinity']),
    place('near', 'n1', outside),
    place('far', 'n2', outside),
  );
  probers = new Probers(await readyOf(ns, ['web-1', 'web-2', 'near', 'far']));
  await readyOf(ns, ['mute']);
  const addresses = await Promise.all(
    ['web-1', 'web-2'].map((name) => field('pod', name, '{.status.podIPs[*].ip}', ns)),
  );
  backends = addresses.flatMap((text) => text.split(' '));
});

afterAll(async () => {
  probers?.close();
  await cleaned();
});

it('waits for its OvnEip, and says so', async () => {
  await apply(rule(eip, { ovnEip: eip }));
  const shown = async (): Promise<boolean> => (await told(eip, 'Ready')).startsWith('False OvnEipNotReady');
  await waitFor(shown, { what: 'the condition', ...soon });
  expect(await object('service', `rlr-${eip}`, ns)).toBeUndefined();
});

it('has the address that the OvnEip asks for, and the ports of the VPC', async () => {
  await apply(custom('OvnEip', eip, { v4Ip: vips[0], v6Ip: vips[1] }), custom('OvnEip', 'e2e-router-lb-any', {}));
  await waitFor(async () => (await balanced()).includes(`[${vips[1]}]:81`), { what: 'its addresses', ...soon });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
  expect(await object('oeip', eip)).toMatchObject({
    metadata: { labels: { 'ovn.kubernetes.io/subnet': outside, 'ovn.kubernetes.io/ovn_eip_type': 'nat' } },
    status: { type: 'nat', v4Ip: vips[0], v6Ip: vips[1], ready: true },
  });
  expect(await field('oeip', 'e2e-router-lb-any', '{.status.v4Ip}')).toMatch(/^10\.82\.0\.\d+$/);
  expect(await object('rlr', eip)).toMatchObject({ status: { service: `${ns}/rlr-${eip}`, ports: '81/TCP' } });
  expect(await nbctl('lr-lb-list', vpc)).toContain(`${vips[0]}:81`);
});

it.each(['near', 'far'])('is reached by %s, and answered by both behind it', async (from) => {
  for (const ip of vips) expect(await answering(from, ip)).toEqual(['web-1', 'web-2']);
});

it('leaves out a backend that does not answer', async () => {
  const mute = await field('pod', 'mute', '{.status.podIP}', ns);
  const row = ['--bare', '--columns=ip_port_mappings', 'list', 'Load_Balancer', `vpc-${vpc}-tcp-load`];
  await apply(rule(eip, { ovnEip: eip, endpoints: [...backends, mute] }));
  await waitFor(async () => (await nbctl(...row)).includes(`mute.${ns}:`), { what: 'the check', ...soon });
  const offline = async (): Promise<boolean> =>
    (await inCentral('ovn-sbctl', '--bare', '--columns=ip', 'find', 'Service_Monitor', 'status=offline')).includes(
      mute,
    );
  await waitFor(offline, { what: 'OVN to notice', limitMs: 90_000, everyMs: 500 });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
  for (const from of ['near', 'far']) expect(await answering(from, vips[0])).toEqual(['web-1', 'web-2']);
  await apply(rule(eip, { ovnEip: eip }));
  await waitFor(async () => !(await balanced()).includes(mute), { what: 'the backend to go', ...soon });
});

it('says what is wrong with another, and hurts nobody else', async () => {
  await apply(
    rule('e2e-router-lb-bad', { ovnEip: 'e2e-router-lb-any', ports: [{ port: 0 }] }),
    rule('e2e-router-lb-second', { ovnEip: eip }),
  );
  const invalid = async (): Promise<boolean> => (await told('e2e-router-lb-bad', 'Validated')).startsWith('False ');
  await waitFor(invalid, { what: 'the condition', ...soon });
  const second = async (): Promise<boolean> =>
    (await told('e2e-router-lb-second', 'Ready')).includes(`port 81/TCP of OvnEip ${eip} is RouterLBRule ${eip}'s`);
  await waitFor(second, { what: 'the conflict', ...soon });
  const event = async (): Promise<boolean> =>
    (await events('default', 'e2e-router-lb-bad')).some((text) => text.startsWith('Warning LoadBalancerRuleInvalid'));
  await waitFor(event, { what: 'the event', ...soon });
  await gone('rlr', 'e2e-router-lb-bad', 'e2e-router-lb-second');
  expect(await answering('far', vips[0])).toEqual(['web-1', 'web-2']);
});

it('keeps its OvnEip until it goes itself, and nothing answers any more then', async () => {
  await cluster().kubectl(['delete', 'oeip', eip, '--wait=false']);
  await waitFor(async () => (await field('oeip', eip, '{.metadata.deletionTimestamp}')) !== '', {
    what: 'the deletion',
    ...soon,
  });
  expect(await answering('near', vips[0])).toEqual(['web-1', 'web-2']);
  await gone('rlr', eip);
  await waitFor(async () => (await object('oeip', eip)) === undefined, { what: 'the OvnEip to go', ...soon });
  await waitFor(async () => (await nbctl('lr-lb-list', vpc)).trim() === '', { what: 'its balancers to go', ...soon });
  await waitFor(async () => (await object('service', `rlr-${eip}`, ns)) === undefined, {
    what: 'its Service',
    ...soon,
  });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
  for (const ip of vips) expect(await answering('near', ip, 1)).toEqual(['-']);
  expect(await object('ips.kubeovn.io', `ovn-eip-${eip}`)).toBeUndefined();
});
