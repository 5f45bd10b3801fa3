/** Services, with packets from pods: who answers, for how long the same one, and what happens when nobody does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Probe } from '../cluster/prober.ts';
import { exec, traffic, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { Probers, readyOf, send } from './policies.ts';
import { apply, cluster, custom, field, freshNamespace, inCentral, nbctl, object, podManifest } from './shared.ts';

const ns = 'e2e-services';
const soon = { limitMs: 30_000, everyMs: 200 };
const names = ['web-1', 'web-2', 'near', 'far'] as const;

let pods: Readonly<Record<string, Pod>>;
let probers: Probers;

const label = (pod: string, ...changes: readonly string[]): Promise<string> =>
  cluster().kubectl(['--namespace', ns, 'label', '--overwrite', 'pod', pod, ...changes]);

const ports = [
  { name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' },
  { name: 'tcp', protocol: 'TCP', port: 81, targetPort: 8081 },
  { name: 'udp', protocol: 'UDP', port: 8082, targetPort: 8082 },
];

const service = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: ns },
  spec: { selector: { app: 'web' }, ports, ...spec },
});

/** Makes the Service and answers its address, once OVN has it on the nodes. */
async function made(name: string, spec: object = {}): Promise<string> {
  await apply(service(name, spec));
  const vip = await field('service', name, '{.spec.clusterIP}', ns);
  await inOvn(name);
  return vip;
}

/** Waits until the operator has written what is behind the Service, and every node has it. */
async function inOvn(name: string): Promise<void> {
  await waitFor(async () => (await vips(name)).length > 0, { what: `the balancer of ${name}`, ...soon });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
}

async function vips(name: string): Promise<string> {
  const found = ['--bare', '--columns=vips', 'find', 'Load_Balancer', `external_ids:service="${ns}/${name}"`];
  return (await nbctl(...found)).trim();
}

/** Waits until the addresses of the Service say so. */
async function showing(name: string, wanted: (text: string) => boolean): Promise<void> {
  await waitFor(async () => wanted(await vips(name)), { what: `backends of ${name}`, ...soon });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
}

const tcp = (ip: string, port = 81): Probe => ({ protocol: 'tcp', ip, port });
const udp = (ip: string): Probe => ({ protocol: 'udp', ip, port: 8082 });
const times = (count: number, probe: Probe): Probe[] => Array.from({ length: count }, () => probe);

/** Names of those who answer a number of connections; `-` for no answer. */
async function answering(from: string, probe: Probe, count = 24): Promise<string[]> {
  const answers = await probers.ask(from, times(count, probe));
  return [...new Set(answers.map((answer) => answer ?? '-'))].toSorted();
}

const gone = (...names: readonly string[]): Promise<string> =>
  cluster().kubectl(['delete', ...names, '--ignore-not-found', '--timeout=60s']);

beforeAll(async () => {
  await freshNamespace(ns);
  await gone('slr', 'e2e-slr', 'e2e-slr-bad', 'e2e-slr-dual');
  await gone('vip', 'e2e-slr');
  const command = ['echo-server'];
  const web = {
    labels: { app: 'web' },
    ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' as const }],
    command,
  };
  await apply(
    podManifest(ns, 'web-1', { node: 'n1', ...web }),
    podManifest(ns, 'web-2', { node: 'n2', ...web }),
    podManifest(ns, 'near', { node: 'n1', command }),
    podManifest(ns, 'far', { node: 'n2', command }),
  );
  const all = await readyOf(ns, names);
  pods = Object.fromEntries(all.map((pod) => [pod.name, pod]));
  probers = new Probers(all);
});

afterAll(() => probers.close());

const podOf = (name: (typeof names)[number]): Pod => {
  const pod = pods[name];
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return pod;
};

describe('a Service', () => {
  let vip: string;

  beforeAll(async () => {
    vip = await made('web', { externalIPs: ['192.0.2.10'] });
    await showing('web', (text) => text.includes(`${podOf('web-1').ip}:8081,${podOf('web-2').ip}:8081`));
  });

  it.each(['near', 'far', 'web-1', 'web-2'])('is reached by %s, and answered by all behind it', async (from) => {
    for (const probe of [tcp(vip), udp(vip), tcp('192.0.2.10')])
      expect(await answering(from, probe)).toEqual(['web-1', 'web-2']);
  });

  it('has the port that its pods call so, and shows them who their client is', async () => {
    const answer = await exec(cluster(), podOf('far'), ['curl', '-sS', '-m', '3', `http://${vip}/clientip`]);
    expect(answer.trim()).toBe(podOf('far').ip);
    const { stdout } = await cluster().inNode(1, ['curl', '-sS', '-m', '3', `http://${vip}/clientip`]);
    expect(stdout.trim()).toBe(cluster().node(1).ip);
  });

  it.each(['pods/web-1:8080', 'pods/web-2:8080', 'services/web:http'])(
    'is asked by the API server: %s',
    async (what) => {
      const answer = await cluster().request('GET', `/api/v1/namespaces/${ns}/${what}/proxy/`);
      expect(answer).toMatchObject({ status: 200, body: expect.stringMatching(/^web-[12]\n$/) });
    },
  );

  it('is reached by another node with externalTrafficPolicy Local, and sees which', async () => {
    const nodePort = 30_980;
    await apply(
      service('outside', {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        ports: [{ port: 80, targetPort: 'web', nodePort }],
      }),
    );
    const asked = (path = ''): Promise<string> =>
      cluster()
        .inNode(2, ['curl', '-sS', '-m2', `http://${cluster().node(1).ip}:${nodePort}/${path}`])
        .then(
          ({ stdout }) => stdout.trim(),
          () => '-',
        );
    const answered = async (): Promise<boolean> => (await asked()) === 'web-1';
    expect(await waitFor(answered, { what: 'the node port of n1', ...soon })).toBe(true);
    expect(await asked('clientip')).toBe(cluster().node(2).ip);
  });

  it('is not left to the nodes', async () => {
    for (const { n } of cluster().nodes()) {
      const { stdout } = await cluster().inNode(n, ['iptables-save', '-c', '-t', 'nat']);
      const rules = stdout.split('\n').filter((line) => line.includes('KUBE-SERVICES') && line.includes(`${vip}/32`));
      expect(rules.length).toBeGreaterThan(0);
      for (const rule of rules) expect(rule).toMatch(/^\[0:0\]/);
    }
  });

  it('is in the VPC of its pods, and says so', async () => {
    expect(await field('service', 'web', '{.metadata.annotations.ovn\\.kubernetes\\.io/vpc}', ns)).toBe('ovn-cluster');
  });

  it('loses who is not ready, and refuses when nobody is left', async () => {
    await label('web-1', 'app-');
    await showing('web', (text) => !text.includes(podOf('web-1').ip));
    expect(await answering('near', tcp(vip))).toEqual(['web-2']);
    await label('web-2', 'app-');
    await showing('web', (text) => !text.includes(podOf('web-2').ip));
    const refused = exec(cluster(), podOf('near'), ['curl', '-sS', '-m', '5', `http://${vip}/`]);
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringMatching(/refused|Could not connect/i) });
    await label('web-2', 'app=web');
    await showing('web', (text) => text.includes(podOf('web-2').ip));
    // Who reaches itself comes from an address of its own.
    expect(await answering('web-2', tcp(vip))).toEqual(['web-2']);
    await label('web-1', 'app=web');
    await showing('web', (text) => text.includes(podOf('web-1').ip));
  });

  it('lets go of a UDP client whose backend is gone', async () => {
    const flow = await traffic(cluster(), [podOf('near'), { ...podOf('web-1'), ip: vip }], { udp: true });
    for (const gone of ['web-1', 'web-2'] as const) {
      await label(gone, 'app-');
      await showing('web', (text) => !text.includes(podOf(gone).ip));
      await label(gone, 'app=web');
      await showing('web', (text) => text.includes(podOf(gone).ip));
    }
    const { received, longestGapMs, connected } = await flow.stop();
    expect(connected).toBe(true);
    expect(received).toBeGreaterThan(10);
    expect(longestGapMs).toBeLessThan(5000);
  });

  it('leaves nothing behind', async () => {
    await send('DELETE', `/api/v1/namespaces/${ns}/services/web`);
    await waitFor(async () => (await vips('web')) === '', { what: 'its balancers to go', ...soon });
    expect(await answering('near', tcp(vip), 1)).toEqual(['-']);
  });
});

describe('affinity', () => {
  const seconds = 4;

  it.each([
    ['TCP', tcp],
    ['UDP', udp],
  ] as const)(
    'keeps a client of %s with its backend, until it is silent for the time that is given',
    async (name, to) => {
      const vip = await made(`affinity-${name.toLowerCase()}`, {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } },
      });
      await showing(`affinity-${name.toLowerCase()}`, (text) => text.includes(podOf('web-2').ip));
      // OVN drops the first packet of a client that it does not know.
      const met = async (): Promise<string | undefined> => (await probers.ask('near', [to(vip)]))[0];
      const first = await waitFor(met, { what: 'an answer', ...soon });
      const begun = performance.now();
      const kept = new Set<string | undefined>();
      const longer = async (): Promise<boolean> => {
        for (const answer of await probers.ask('near', times(5, to(vip)))) kept.add(answer);
        return performance.now() - begun > 1.5 * seconds * 1000;
      };
      await waitFor(longer, { what: 'longer than the timeout', limitMs: 20_000, everyMs: 500 });
      expect([...kept]).toEqual([first]);
      const another = async (): Promise<boolean> => {
        await probers.ask('near', [to(vip)]);
        const answer = await met();
        return answer !== undefined && answer !== first;
      };
      // Silent for longer than the timeout before each try; which backend it meets then is chance.
      await waitFor(another, { what: 'another backend', limitMs: 90_000, everyMs: 1.5 * seconds * 1000 });
    },
  );
});

describe('internalTrafficPolicy Local', () => {
  let vip: string;

  beforeAll(async () => {
    vip = await made('local', { internalTrafficPolicy: 'Local' });
    await showing('local', (text) => text.includes('^kl'));
  });

  const variables = async (): Promise<string> =>
    await nbctl('--bare', '--columns=variables', 'list', 'Chassis_Template_Var');

  it.each([
    ['TCP', tcp],
    ['UDP', udp],
  ] as const)('is answered on the node of the client alone, by %s', async (_, to) => {
    expect(await answering('near', to(vip))).toEqual(['web-1']);
    expect(await answering('far', to(vip))).toEqual(['web-2']);
  });

  it('is answered by nobody where there is none, and again when there is one', async () => {
    const flow = await traffic(cluster(), [podOf('far'), { ...podOf('web-2'), ip: vip }], { udp: true });
    await label('web-2', 'app-');
    await waitFor(async () => !(await variables()).includes(podOf('web-2').ip), { what: 'no backend', ...soon });
    await nbctl('--timeout=30', '--wait=hv', 'sync');
    expect(await answering('near', tcp(vip))).toEqual(['web-1']);
    expect(await answering('far', tcp(vip), 2)).toEqual(['-']);
    expect(await answering('far', udp(vip), 2)).toEqual(['-']);
    await label('web-2', 'app=web');
    await waitFor(async () => (await variables()).includes(podOf('web-2').ip), { what: 'the backend', ...soon });
    await nbctl('--timeout=30', '--wait=hv', 'sync');
    expect(await answering('far', tcp(vip))).toEqual(['web-2']);
    // Who sent all the time is not left behind where there was nobody.
    const { received, sent, lost } = await flow.stop();
    expect(received).toBeGreaterThan(0);
    expect(lost).toBeLessThan(sent);
  });

  it('keeps a client with one of several by its address', async () => {
    const sticky = await made('sticky', {
      internalTrafficPolicy: 'Local',
      selector: { sticky: 'yes' },
      sessionAffinity: 'ClientIP',
    });
    await label('web-1', 'sticky=yes');
    await label('near', 'sticky=yes');
    const both = [podOf('web-1'), podOf('near')].map(({ ip }) => `${ip}:8081`).toSorted();
    await waitFor(async () => (await variables()).includes(both.join(',')), { what: 'both backends', ...soon });
    await nbctl('--timeout=30', '--wait=hv', 'sync');
    expect(await answering('web-1', tcp(sticky))).toHaveLength(1);
    expect(await answering('far', tcp(sticky), 2)).toEqual(['-']);
    await label('near', 'sticky-');
  });
});

describe('what is no pod of ours', () => {
  it('is reached through a Service as well: the API server', async () => {
    const answer = await exec(cluster(), podOf('near'), ['curl', '-ksS', '-m', '5', 'https://10.96.0.1:443/livez']);
    expect(answer).not.toBe('');
    const { stdout } = await cluster().inNode(1, [
      'ovs-appctl',
      '--target=/run/openvswitch/ovs-vswitchd.ctl',
      'dpctl/dump-conntrack',
    ]);
    expect(
      stdout
        .split('\n')
        .filter((line) => line.includes('dst=10.96.0.1,'))
        .join('\n'),
    ).toContain(podOf('near').ip);
  });

  it('is found by name: CoreDNS is behind a Service like any other', async () => {
    const name = 'kubernetes.default.svc.cluster.local';
    const asked = async (): Promise<string> =>
      await exec(cluster(), podOf('far'), ['bash', '-c', `getent hosts ${name}; true`]);
    const answer = await waitFor(async () => (await asked()).trim() || undefined, { what: 'an answer', ...soon });
    expect(answer).toContain('10.96.0.1');
    const dns = await cluster().kubectl([
      '--namespace',
      'kube-system',
      'get',
      'service',
      'kube-dns',
      '--output=jsonpath={.spec.clusterIP}',
    ]);
    expect(
      await nbctl('--bare', '--columns=vips', 'find', 'Load_Balancer', 'name="kube-system/kube-dns/udp"'),
    ).toContain(`${dns}:53`);
  });

  it('is reached at the address that a load balancer has given', async () => {
    const name = 'outside';
    await made(name, { type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    const status = {
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.20' }, { ip: '192.0.2.21', ipMode: 'Proxy' }] } },
    };
    await send('PATCH', `/api/v1/namespaces/${ns}/services/${name}/status`, status);
    await showing(name, (text) => text.includes('192.0.2.20:81'));
    expect(await vips(name)).not.toContain('192.0.2.21');
    // As kube-proxy has it: to clients in the cluster all backends are one as good as the other.
    expect(await answering('near', tcp('192.0.2.20'))).toEqual(['web-1', 'web-2']);
  });
});

describe('a SwitchLBRule', () => {
  const vip = '10.16.250.80';
  const ports = [{ name: 'tcp', port: 81, targetPort: 8081, protocol: 'TCP' }];

  const balanced = async (): Promise<string> =>
    await nbctl('--bare', '--columns=vips', 'list', 'Load_Balancer', 'cluster-tcp-loadbalancer');

  beforeAll(async () => {
    await apply(
      custom('Vip', 'e2e-slr', { subnet: 'ovn-default', v4ip: vip, type: 'switch_lb_vip' }),
      // Ready, and deaf.
      podManifest(ns, 'mute', { node: 'n2', command: ['sleep', 'infinity'] }),
    );
    const [mute] = await readyOf(ns, ['mute']);
    const endpoints = [podOf('web-1').ip, mute?.ip ?? ''];
    await apply(custom('SwitchLBRule', 'e2e-slr', { vip, namespace: ns, endpoints, ports }));
    await waitFor(async () => (await balanced()).includes(`${podOf('web-1').ip}:8081`), {
      what: 'its backends',
      ...soon,
    });
  });

  afterAll(() => gone('vip', 'e2e-slr'));

  it('has a Service, and says which', async () => {
    expect(await object('slr', 'e2e-slr')).toMatchObject({
      status: { service: `${ns}/slr-e2e-slr`, ports: '81/TCP' },
    });
    expect(await object('service', 'slr-e2e-slr', ns)).toMatchObject({
      metadata: {
        annotations: { 'ovn.kubernetes.io/switch_lb_vip': vip, 'ovn.kubernetes.io/vpc': 'ovn-cluster' },
      },
      spec: { clusterIP: 'None', ports: [{ port: 81, targetPort: 8081 }] },
    });
  });

  it('leaves out a backend that does not answer', async () => {
    const offline = async (): Promise<boolean> =>
      (await inCentral('ovn-sbctl', '--bare', '--columns=status', 'list', 'Service_Monitor')).includes('offline');
    await waitFor(offline, { what: 'OVN to notice', limitMs: 90_000, everyMs: 500 });
    await nbctl('--timeout=30', '--wait=hv', 'sync');
    for (const from of ['near', 'far', 'web-1']) expect(await answering(from, tcp(vip))).toEqual(['web-1']);
  });

  it('says what is wrong with it, and hurts nobody else', async () => {
    await apply(custom('SwitchLBRule', 'e2e-slr-bad', { vip: 'nowhere', namespace: ns, selector: ['app:web'], ports }));
    const told =
      '{.status.conditions[?(@.type=="Validated")].status} {.status.conditions[?(@.type=="Validated")].message}';
    const text = await waitFor(
      async () => {
        const found = await field('slr', 'e2e-slr-bad', told);
        return found.startsWith('False ') ? found : undefined;
      },
      { what: 'the condition', ...soon },
    );
    expect(text).toContain('vip nowhere is not an address');
    expect(await object('service', 'slr-e2e-slr-bad', ns)).toBeUndefined();
    expect(await answering('near', tcp(vip))).toEqual(['web-1']);
  });

  it('leaves nothing behind', async () => {
    await gone('slr', 'e2e-slr', 'e2e-slr-bad');
    await waitFor(async () => !(await balanced()).includes(vip), { what: 'its addresses to go', ...soon });
    await waitFor(async () => (await object('service', 'slr-e2e-slr', ns)) === undefined, {
      what: 'its Service',
      ...soon,
    });
    await waitFor(async () => (await object('vip', 'ovn-default')) === undefined, { what: 'the asking Vip', ...soon });
    const row = [
      '--bare',
      '--columns=ip_port_mappings,health_check',
      'list',
      'Load_Balancer',
      'cluster-tcp-loadbalancer',
    ];
    await waitFor(async () => (await nbctl(...row)).trim() === '', { what: 'its checks to go', ...soon });
    expect(await answering('near', tcp(vip), 1)).toEqual(['-']);
  });
});

describe('both families', () => {
  const subnet = 'e2e-services-dual';
  const vips = ['192.0.2.85', '2001:db8::85'];
  const rule = 'e2e-slr-dual';
  let dual: Probers;

  beforeAll(async () => {
    const annotations = { 'ovn.kubernetes.io/logical_switch': subnet };
    const command = ['echo-server'];
    await apply(custom('Subnet', subnet, { cidrBlock: '10.65.0.0/24,fd00:10:65::/112' }));
    await apply(
      podManifest(ns, 'server', { node: 'n1', annotations, command }),
      podManifest(ns, 'client', { node: 'n2', annotations, command }),
    );
    dual = new Probers(await readyOf(ns, ['server', 'client']));
    const endpoints = (await field('pod', 'server', '{.status.podIPs[*].ip}', ns)).split(' ');
    const ports = [{ name: 'tcp', port: 81, targetPort: 8081, protocol: 'TCP' }];
    await apply(custom('SwitchLBRule', rule, { vip: vips.join(','), namespace: ns, endpoints, ports }));
    const there = async (): Promise<boolean> => {
      const text = await nbctl('--bare', '--columns=vips', 'list', 'Load_Balancer', 'cluster-tcp-loadbalancer');
      return endpoints.every((address) => text.includes(`${address.includes(':') ? `[${address}]` : address}:8081`));
    };
    await waitFor(there, { what: 'the backends of both families', ...soon });
    await nbctl('--timeout=30', '--wait=hv', 'sync');
  });

  afterAll(async () => {
    dual.close();
    await gone('slr', rule);
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'server', 'client', '--wait=true']);
    await gone('subnet', subnet);
  });

  it.each(vips)('%s is answered, on another node and by the backend itself', async (ip) => {
    expect(await dual.ask('client', [tcp(ip)])).toEqual(['server']);
    expect(await dual.ask('server', [tcp(ip)])).toEqual(['server']);
  });
});
