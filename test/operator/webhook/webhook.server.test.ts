// The webhook before a real API server, with the manifests of its component and the rights that they give: what is
// refused and taken, who is never asked about, certificates that change, and what happens without it.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repoRoot } from '../../cluster/cache.ts';
import { declared } from '../../../lib/wasm/index.ts';
import { eventually } from '../../eventually.ts';
import { compile, hostile } from '../../lib/wasm/foreign.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { freePort } from '../process.ts';
import { object, type Shape } from './stage.ts';
import { Rig } from './rig.ts';

let api: ApiServer;
let rig: Rig;

const crds = readdirSync(join(repoRoot, 'crds')).filter((name) => name !== 'kustomization.yaml');

beforeAll(async () => {
  api = await startApiServer();
  await api.apply(crds.map((name) => readFileSync(join(repoRoot, 'crds', name), 'utf8')).join('\n---\n'));
  rig = new Rig(api, await freePort(), await freePort());
  await rig.install();
  await rig.start();
}, 120_000);
afterAll(async () => {
  await rig.stop();
  await api.stop();
});

/** As somebody sends it: without what the API server fills in. */
function plain(kind: string, shape: Shape): object {
  const { metadata, ...rest } = object(kind, shape) as Record<string, Record<string, unknown>>;
  const { uid: _, creationTimestamp: __, resourceVersion: ___, ...kept } = metadata ?? {};
  return { ...rest, metadata: kept };
}
const make = (kind: string, shape: Shape, ...more: string[]): Promise<string> => rig.make(plain(kind, shape), ...more);

const asOperator = ['--as=system:serviceaccount:kube-system:ovn', '--as-group=system:masters'];
const containers = [{ name: 'c', image: 'i' }];

/** Of the certificate that is served at a port. */
const serialOf = async (port: number): Promise<string> => {
  const socket = connect({ port, host: 'localhost', servername: 'localhost', rejectUnauthorized: false });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};

describe('our kinds', () => {
  it('are refused with the name of the webhook and everything that is wrong', async () => {
    const said = await make('Subnet', {
      name: 's1',
      spec: { cidrBlock: '10.40.0.0/16', gateway: '10.41.0.1', mtu: -1 },
    });
    expect(said).toContain(
      'admission webhook "crd-validating.kube-ovn.io" denied the request: gateway 10.41.0.1 is not in',
    );
    expect(said).toContain('; mtu -1 is negative');
    expect(await rig.said('get', 'subnet', 's1')).toContain('NotFound');
  });

  it('may refer at once to what was just made', async () => {
    for (let at = 0; at < 20; at += 1) {
      expect(await make('Subnet', { name: `fresh-${at}`, spec: { cidrBlock: `10.50.${at}.0/24` } })).toBe('');
      expect(await make('Vip', { name: `fresh-${at}`, spec: { subnet: `fresh-${at}`, v4ip: `10.50.${at}.9` } })).toBe(
        '',
      );
    }
    expect(await make('Vip', { name: 'lost', spec: { subnet: 'none' } })).toContain('subnet none does not exist');
  });

  it('may take at once what was just given up', async () => {
    const late = { name: 'late', spec: { cidrBlock: '10.60.0.0/25' } };
    for (let at = 0; at < 10; at += 1) {
      const name = `in-turn-${at}`;
      expect(await make('Subnet', { name, spec: { cidrBlock: '10.60.0.0/24' } })).toBe('');
      // The mirror is told of it a moment later.
      await eventually(async () =>
        (await make('Subnet', late, '--dry-run=server')).includes(`overlaps subnet ${name}`),
      );
      expect(await rig.said('delete', 'subnet', name)).toBe('');
    }
  });

  it('of NAT gateways exclude each other', async () => {
    const made = [
      await make('Vpc', { name: 'lab', spec: {} }),
      await make('Subnet', { name: 'inside', spec: { cidrBlock: '10.0.1.0/24', vpc: 'lab' } }),
      await make('Subnet', {
        name: 'ovn-vpc-external-network',
        spec: { cidrBlock: '172.18.0.0/24', provider: 'x.kube-system' },
      }),
      await make('VpcNatGateway', { name: 'gw', spec: { vpc: 'lab', subnet: 'inside', lanIp: '10.0.1.254' } }),
      await make('IptablesEIP', { name: 'e1', spec: { natGwDp: 'gw' } }),
      await make('IptablesFIPRule', { name: 'f1', spec: { eip: 'e1', internalIp: '10.0.1.5' } }),
    ];
    expect(made).toEqual(made.map(() => ''));
    const spec = { eip: 'e1', externalPort: '80', internalIp: '10.0.1.5', internalPort: '80', protocol: 'tcp' };
    expect(await make('IptablesDnatRule', { name: 'd1', spec })).toContain(
      'IptablesEIP e1 is in use by IptablesFIPRule f1',
    );
    expect(await rig.said('delete', 'eip', 'e1')).toContain('IptablesEIP e1 is in use by IptablesFIPRule f1');
    expect(await rig.said('delete', 'vpc-nat-gw', 'gw')).toContain('VpcNatGateway gw has IptablesEIPs: e1');
    for (const name of ['fip/f1', 'eip/e1', 'vpc-nat-gw/gw']) expect(await rig.said('delete', name)).toBe('');
  });

  it('that the operator writes are not asked about, nor statuses, nor what is being deleted', async () => {
    const bad = { name: 'odd', spec: { cidrBlock: 'x' }, metadata: { finalizers: ['kubeovn.io/kube-ovn-controller'] } };
    expect(await make('Subnet', bad)).toContain('cidrBlock x is not a CIDR');
    expect(await make('Subnet', bad, ...asOperator)).toBe('');
    const asked = await rig.reviews('Subnet', 'allowed');
    const patch = (type: string, body: object, ...more: string[]): Promise<string> =>
      rig.said('patch', 'subnet', 'odd', `--type=${type}`, '-p', JSON.stringify(body), ...more);
    expect(await patch('merge', { status: { v4usingIPs: 1 } }, '--subresource=status')).toBe('');
    expect(await rig.reviews('Subnet', 'allowed')).toBe(asked);
    // Whoever does not touch what is wrong may do the rest.
    expect(await patch('merge', { metadata: { labels: { a: 'b' } } })).toBe('');
    expect(await rig.reviews('Subnet', 'allowed')).toBe(asked + 1);
    expect(await rig.said('delete', 'subnet', 'odd', '--wait=false')).toBe('');
    expect(await patch('merge', { metadata: { finalizers: null } })).toBe('');
    expect(await rig.said('get', 'subnet', 'odd')).toContain('NotFound');
  });

  it('stay while they are in use, and go afterwards', async () => {
    expect(await make('Subnet', { name: 'used', spec: { cidrBlock: '10.70.0.0/24' } })).toBe('');
    const ip = {
      name: 'web.shop',
      spec: { subnet: 'used', v4IpAddress: '10.70.0.7', podName: 'web', namespace: 'shop' },
    };
    expect(await make('IP', ip, ...asOperator)).toBe('');
    // The mirror is told of it a moment later.
    await eventually(async () => (await rig.said('delete', 'subnet', 'used', '--dry-run=server')) !== '');
    expect(await rig.said('delete', 'subnet', 'used')).toContain(
      'subnet used may not be deleted: 10.70.0.7 (IP web.shop) in use',
    );
    expect(await rig.said('delete', 'ip', 'web.shop')).toBe('');
    expect(await rig.said('delete', 'subnet', 'used')).toBe('');
  });
});

describe('pods', () => {
  const address = 'ovn.kubernetes.io/ip_address';
  const pod = (name: string, annotations: Record<string, string>): Shape => ({
    name,
    namespace: 'default',
    metadata: { annotations },
    spec: { containers },
  });

  it('that ask for nothing are not asked about', async () => {
    const before = (await rig.reviews('Pod', 'allowed')) + (await rig.reviews('Pod', 'refused'));
    expect(await make('Pod', pod('quiet', { 'example.org/ip_address': 'x', 'ovn.kubernetes.io/mirror': 'true' }))).toBe(
      '',
    );
    expect((await rig.reviews('Pod', 'allowed')) + (await rig.reviews('Pod', 'refused'))).toBe(before);
    expect(await make('Pod', pod('asks', { [address]: '10.16.0.8' }))).toBe('');
    expect(await rig.reviews('Pod', 'allowed')).toBe(before + 1);
  });

  it.each([
    ['a', address],
    ['b', 'net.shop.ovn.kubernetes.io/ip_pool'],
    ['c', 'net.shop.kubernetes.io/mac_address.net1'],
    ['d', 'k8s.v1.cni.cncf.io/networks'],
  ])('%s is asked about for the sake of %s', async (name, key) => {
    const all = async (): Promise<number> =>
      (await rig.reviews('Pod', 'allowed')) + (await rig.reviews('Pod', 'refused'));
    const before = await all();
    await make('Pod', pod(name, { [key]: 'x' }), '--dry-run=server');
    expect(await all()).toBe(before + 1);
  });

  it('and workloads are refused an address that another has', async () => {
    expect(await make('Subnet', { name: 'ovn-default', spec: { cidrBlock: '10.16.0.0/16' } })).toBe('');
    const ip = {
      name: 'web.shop',
      spec: { subnet: 'ovn-default', v4IpAddress: '10.16.0.7', podName: 'web', namespace: 'shop' },
    };
    expect(await make('IP', ip, ...asOperator)).toBe('');
    const taken = 'address 10.16.0.7 of subnet ovn-default is in use by IP web.shop';
    await eventually(
      async () => (await make('Pod', pod('rival', { [address]: '10.16.0.7' }), '--dry-run=server')) !== '',
    );
    expect(await make('Pod', pod('rival', { [address]: '10.16.0.7' }))).toContain(
      `admission webhook "pod-ip-validating.kube-ovn.io" denied the request: ${taken}`,
    );
    const labels = { app: 'x' };
    const template = (restartPolicy: string): object => ({
      metadata: { labels, annotations: { [address]: '10.16.0.7' } },
      spec: { containers, restartPolicy },
    });
    const selector = { matchLabels: labels };
    const specs = {
      Deployment: { selector, template: template('Always') },
      StatefulSet: { selector, serviceName: 'x', template: template('Always') },
      DaemonSet: { selector, template: template('Always') },
      Job: { template: template('Never') },
      CronJob: { schedule: '* * * * *', jobTemplate: { spec: { template: template('Never') } } },
    };
    for (const [kind, spec] of Object.entries(specs)) {
      const shape = { name: 'rival', namespace: 'default', spec: spec as NonNullable<Shape['spec']> };
      expect([kind, await make(kind, shape)]).toEqual([kind, expect.stringContaining(taken)]);
    }
  });
});

it('the samples are taken, and taken again', async () => {
  // Their namespaces are made by the same command.
  for (const turn of ['first', 'second']) {
    const apply = ['apply', '--server-side', '--force-conflicts', '-f', join(repoRoot, 'config/samples')];
    expect([turn, await rig.said(...apply)]).toEqual([turn, '']);
  }
  expect(await rig.reviews('Subnet', 'failed')).toBe(0);
});

describe('modules of users', () => {
  const vlan = (): Promise<string> =>
    make('Vlan', { name: 'friday', spec: { id: 5, provider: 'net' } }, '--dry-run=server');

  /** A module of the user's that begins with these statements when it is asked; `loop` and `say` are there. */
  async function install(name: string, statements: string, spec: object = {}): Promise<void> {
    const source = hostile.replace('const c = load<u8>(p + 1);', `${statements}\nconst c = load<u8>(p + 1);`);
    const bytes = declared(await compile(source), { hook: 'admission', inputs: ['object'] });
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const place = { name, namespace: 'kube-system' };
    const binaryData = { 'module.wasm': Buffer.from(bytes).toString('base64') };
    expect(await rig.make({ apiVersion: 'v1', kind: 'ConfigMap', metadata: place, binaryData })).toBe('');
    const module = { configMap: { name }, digest };
    const full = { hook: 'admission', module, selector: { kinds: ['Vlan'] }, ...spec };
    const made = { apiVersion: 'kubeloom.io/v1alpha1', kind: 'PolicyModule', metadata: { name }, spec: full };
    expect(await rig.make(made)).toBe('');
  }
  const statusOf = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse((await api.kubectl('get', 'policymodule', name, '--output=jsonpath={.status}')) || '{}') as never;
  const remove = (name: string): Promise<string> => rig.said('delete', 'policymodule', name);
  const refusal = `if (n >= 0) return say('{"allowed":false,"message":"not on Fridays"}');`;
  const loop = 'if (n >= 0) while (true) counter++;';

  const slow = { timeout: 240_000 };
  it('refuse the kinds that they select, with their message, for as long as they are there', slow, async () => {
    expect(await vlan()).toBe('');
    await install('fridays', refusal);
    const said = 'denied the request: policy module fridays: not on Fridays';
    await eventually(async () => (await vlan()).includes(said), { within: 20_000, every: 50 });
    expect(await make('SecurityGroup', { name: 'other', spec: {} }, '--dry-run=server')).toBe('');
    expect(
      await make('Vlan', { name: 'friday', spec: { id: 5, provider: 'net' } }, '--dry-run=server', ...asOperator),
    ).toBe('');
    const counted = /kubeloom_webhook_module_reviews\{module="fridays",count="refusals"\} [1-9]/;
    expect(await rig.health('/metrics')).toMatch(counted);
    // Where it gave no answer at first, that was told at once, and what came after it a minute later.
    await eventually(async () => Number((await statusOf('fridays')).refusals ?? 0) > 0, { within: 90_000, every: 50 });
    expect(await statusOf('fridays')).toMatchObject({ evaluations: 1, refusals: 1, wouldChange: 0 });
    expect(await remove('fridays')).toBe('');
    await eventually(async () => (await vlan()) === '', { within: 20_000, every: 50 });
  });

  it('only count in the shadow, and one that gives no answer refuses or not, as it says', async () => {
    await install('shadow', refusal, { mode: 'shadow' });
    const isThere = async (): Promise<boolean> => (await rig.health('/metrics')).includes('module="shadow"');
    await eventually(async () => (await vlan()) === '' && (await isThere()), { within: 20_000 });
    await install('loops', loop, { deadlineMilliseconds: 100 });
    await eventually(async () => (await vlan()).includes('policy module loops: it gives no answer'), {
      within: 20_000,
    });
    await install('loops', loop, { deadlineMilliseconds: 100, failurePolicy: 'Ignore' });
    await eventually(async () => (await vlan()) === '', { within: 20_000 });
    expect([await remove('shadow'), await remove('loops')]).toEqual(['', '']);
  });
});

describe('certificates', () => {
  interface Configuration {
    readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
  }
  const bundles = async (): Promise<string[]> => {
    const text = await api.kubectl('get', 'validatingwebhookconfiguration', 'kube-ovn-webhook', '-o', 'json');
    const { webhooks } = JSON.parse(text) as Configuration;
    return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
  };
  const refuses = async (): Promise<boolean> =>
    (await make('Subnet', { name: 'never', spec: { cidrBlock: 'x' } })).includes('denied the request');
  const day = 86_400_000;

  it('are renewed in time, under the same CA, while it serves', async () => {
    const [before, ca] = [await serialOf(rig.port), await bundles()];
    rig.clock.look();
    expect(await refuses()).toBe(true);
    rig.clock.ahead = 61 * day;
    rig.clock.look();
    await eventually(async () => (await serialOf(rig.port)) !== before);
    expect(await bundles()).toEqual(ca);
    expect(await refuses()).toBe(true);
  });

  it('of a new CA are taken, and those of the old one for a while', async () => {
    const before = await serialOf(rig.port);
    rig.clock.ahead = 3500 * day;
    rig.clock.look();
    await eventually(async () => (await serialOf(rig.port)) !== before);
    for (const bundle of await bundles()) expect(bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    await eventually(refuses);
    rig.clock.ahead = 0;
  });

  it('are trusted again after the configuration was made anew', async () => {
    await api.kubectl('delete', 'validatingwebhookconfiguration', 'kube-ovn-webhook');
    await rig.install();
    expect(await bundles()).toEqual(['', '']);
    rig.clock.look();
    await eventually(refuses, { within: 20_000, every: 50 });
  });

  it('stay as they are when the manifests are applied again', async () => {
    const before = await bundles();
    await rig.install();
    expect(await bundles()).toEqual(before);
    expect(await refuses()).toBe(true);
  });
});

describe('a process of its own', () => {
  const main = join(repoRoot, 'operator/webhook/main.ts');

  it('serves under the certificate that another has made, and ends with 0 when it is asked to', async () => {
    const kubeconfig = join(api.directory, 'webhook.kubeconfig');
    writeFileSync(kubeconfig, await rig.kubeconfig());
    const [port, healthPort] = [await freePort(), await freePort()];
    const flags = [`--kubeconfig=${kubeconfig}`, `--webhook-port=${port}`, `--webhook-health-port=${healthPort}`];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, main, ...flags], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    await eventually(async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok, { within: 20_000 });
    expect(await serialOf(port)).toBe(await serialOf(rig.port));
    child.kill('SIGTERM');
    await eventually(async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status === 503);
    expect(await ended).toEqual([0, null]);
  });

  it('ends with 2 at a setting that cannot be used', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, '--webhook-port=x'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, '--webhook-port=x: must be an integer from 1 to 65535\n']);
  });
});

describe('without the webhook', () => {
  const bad = (name: string): Promise<string> => make('Subnet', { name, spec: { cidrBlock: 'x' } });

  it('everything is taken, and it is asked again when it is back', async () => {
    await rig.stop();
    expect(await bad('unseen')).toBe('');
    expect(await rig.said('delete', 'subnet', 'unseen')).toBe('');
    await rig.start();
    expect(await bad('seen')).toContain('denied the request');
  });

  it('nothing that it is asked about is taken where failurePolicy is Fail', async () => {
    await rig.install('Fail');
    await rig.stop();
    await eventually(async () => (await bad('unseen')).includes('failed calling webhook'), { within: 20_000 });
    expect(await make('Subnet', { name: 'ours', spec: { cidrBlock: '10.90.0.0/24' } }, ...asOperator)).toBe('');
    const pod = { name: 'plain', namespace: 'default', spec: { containers } };
    expect(await make('Pod', pod)).toBe('');
    await rig.install();
  });
});
