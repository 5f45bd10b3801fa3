/** Services that are reached from outside by a pod of their own, on a network that Multus attaches it to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import { definition } from './networks.ts';
import type { Net } from './networks.ts';
import { apply, cluster, custom, field, object, podManifest, readyPod } from './shared.ts';

/** A host on the wire of the nodes' second interfaces, which is the gateway there, too. */
const host = 'kubeloom-street';
const hostAddresses = ['198.18.50.254/24', '2001:db8:50::fe/112'];
const soon = { limitMs: 60_000, everyMs: 200 };

export function lbServices(ns: string): void {
  const provider = `street.${ns}`;
  const street: Net = {
    name: 'street',
    provider,
    cidrBlock: '198.18.50.0/24,2001:db8:50::/112',
    ifname: 'net1',
    config: {
      cniVersion: '0.3.1',
      name: 'street',
      type: 'macvlan',
      master: 'eth1',
      ipam: { type: 'kube-ovn', provider },
    },
  };
  const gateway = hostAddresses.map((address) => address.replace(/\/.*/, '')).join(',');
  const service = (fields: object, annotations: object): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop', namespace: ns, annotations },
    spec: {
      type: 'LoadBalancer',
      ipFamilyPolicy: 'RequireDualStack',
      selector: { e2e: 'shop' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'udp', protocol: 'UDP', port: 53, targetPort: 8082 },
      ],
      ...fields,
    },
  });
  const named = { 'ovn.kubernetes.io/attachmentprovider': provider };
  const onHost = (...argv: readonly string[]): Promise<{ stdout: string }> =>
    cluster().inControlPlane(['ip', 'netns', 'exec', host, ...argv]);
  /** What answers the host, '' for nobody. */
  const answer = async (script: string): Promise<string> => {
    try {
      return (await onHost('timeout', '2', 'bash', '-c', script)).stdout.trim();
    } catch {
      return '';
    }
  };
  const http = (ip: string, port = 80): Promise<string> =>
    answer(`exec 3<>/dev/tcp/${ip}/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3`);
  const udp = (ip: string): Promise<string> => answer(`exec 3<>/dev/udp/${ip}/53; echo hi >&3; head -n 1 <&3`);
  const ingress = async (): Promise<string[]> =>
    (await field('service', 'shop', '{.status.loadBalancer.ingress[*].ip}', ns)).split(' ').filter((ip) => ip !== '');
  const told = (isGood: (addresses: readonly string[]) => boolean, what: string): Promise<string[]> =>
    waitFor(
      async () => {
        const addresses = await ingress();
        return isGood(addresses) ? addresses : undefined;
      },
      { what, ...soon },
    );
  const reached = (ip: string): Promise<unknown> =>
    waitFor(async () => (await http(ip)) === 'shop' || undefined, { what: `an answer at ${ip}`, ...soon });

  describe('a Service that names a network outside', () => {
    beforeAll(async () => {
      const lines = [
        `link add street0 type veth peer name eth0 netns ${host}`,
        'link set street0 master underlay up',
        ...hostAddresses.map((ip) => `-n ${host} address add ${ip} dev eth0${ip.includes(':') ? ' nodad' : ''}`),
        `-n ${host} link set eth0 up`,
      ];
      await removeHost();
      await cluster().inControlPlane(['ip', 'netns', 'add', host]);
      for (const line of lines) await cluster().inControlPlane(['ip', ...line.split(' ')]);
      await apply(
        definition(ns, street),
        custom('Subnet', `${ns}-street`, { provider, cidrBlock: street.cidrBlock, gateway }),
        podManifest(ns, 'shop', { node: 'n1' }),
        service({}, named),
      );
      await readyPod(ns, 'shop');
    });
    afterAll(async () => {
      await cluster().kubectl(['--namespace', ns, 'delete', 'service', 'shop', '--ignore-not-found']);
      await removeHost();
    });

    it('has a pod there, whose addresses it is told of', async () => {
      const addresses = await told((all) => all.length === 2, 'two addresses');
      const pods = `{.items[?(@.metadata.labels.app=="lb-svc-shop")].metadata.annotations['street\\.${ns}\\.kubernetes\\.io/ip_address']}`;
      expect(await cluster().kubectl(['--namespace', ns, 'get', 'pods', `--output=jsonpath=${pods}`])).toBe(
        addresses.join(','),
      );
      expect(await field('deployment', 'lb-svc-shop', '{.status.readyReplicas}', ns)).toBe('1');
    });

    it('is reached by a host there, by each of them', async () => {
      for (const ip of await ingress()) {
        expect(await http(ip)).toBe('shop');
        expect(await udp(ip)).toBe('shop hi');
      }
    });

    it('follows its ports', async () => {
      const [ip = ''] = await ingress();
      await apply(service({ ports: [{ name: 'http', port: 8000, targetPort: 8080 }] }, named));
      await waitFor(async () => (await http(ip, 8000)) === 'shop' || undefined, { what: 'port 8000', ...soon });
      expect(await http(ip)).toBe('');
      await apply(service({}, named));
      await reached(ip);
    });

    it('has the address that is asked for, and keeps it when its pod is made anew', async () => {
      const asked = '198.18.50.77';
      await apply(service({ loadBalancerIP: asked }, named));
      await told(([first]) => first === asked, `the address ${asked}`);
      await reached(asked);
      await cluster().kubectl(['--namespace', ns, 'delete', 'pod', '--selector=app=lb-svc-shop', '--timeout=60s']);
      await reached(asked);
      expect((await ingress())[0]).toBe(asked);
    });

    it('is told of none when it names the network no more, and nothing is left', async () => {
      await cluster().kubectl([
        '--namespace',
        ns,
        'annotate',
        'service',
        'shop',
        'ovn.kubernetes.io/attachmentprovider-',
      ]);
      await told((all) => all.length === 0, 'no address');
      const gone = async (): Promise<boolean> => (await object('deployment', 'lb-svc-shop', ns)) === undefined;
      await waitFor(async () => (await gone()) || undefined, { what: 'the Deployment to go', ...soon });
      const left = async (): Promise<string> =>
        cluster().kubectl([
          'get',
          'ips.kubeovn.io',
          `--selector=ovn.kubernetes.io/subnet=${ns}-street`,
          '--output=name',
        ]);
      await waitFor(async () => (await left()) === '' || undefined, { what: 'its addresses to be free', ...soon });
      expect(await ingress()).toEqual([]);
    });
  });
}

async function removeHost(): Promise<void> {
  await cluster().inControlPlane(['sh', '-c', `ip link delete street0; ip netns delete ${host}; true`]);
}
