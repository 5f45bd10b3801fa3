/** What happens while the operator is away is made good when it is back: nothing leaks, and what runs goes on. */
import { beforeAll, describe, expect, it } from 'vitest';
import { everyAddress, unreachable } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, freshNamespace, nbctl, object, podManifest, readyPod, settled } from './shared.ts';

const ns = 'e2e-away';
const soon = { limitMs: 60_000, everyMs: 250 };

const scale = (replicas: number): Promise<string> =>
  cluster().kubectl(['--namespace=kube-system', 'scale', 'deployment/kube-ovn-controller', `--replicas=${replicas}`]);

beforeAll(() => freshNamespace(ns));

describe('while the operator is away', () => {
  it('pods and subnets that go leave nothing behind, pods that come are served when it is back', async () => {
    const broken = {
      apiVersion: 'kubeovn.io/v1',
      kind: 'Subnet',
      metadata: { name: 'e2e-gone' },
      spec: { cidrBlock: 'x' },
    };
    await apply(podManifest(ns, 'goes', { node: 'n1' }), podManifest(ns, 'stays', { node: 'n2' }), broken);
    const stays = await readyPod(ns, 'stays');
    const goes = await readyPod(ns, 'goes');
    await waitFor(async () => JSON.stringify(await object('subnet', 'e2e-gone')).includes('Validated'), {
      what: 'the broken subnet to be judged',
      ...soon,
    });
    await scale(0);
    await settled('app=kube-ovn-controller', 0);
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'goes', '--wait=true']);
    await cluster().kubectl(['delete', 'subnet', 'e2e-gone', '--wait=false']);
    await apply(podManifest(ns, 'comes', { node: 'n1' }));
    expect(await object('ips.kubeovn.io', `goes.${ns}`)).toBeDefined();
    await scale(2);
    await settled('app=kube-ovn-controller', 2);
    await waitFor(async () => (await object('ips.kubeovn.io', `goes.${ns}`)) === undefined, {
      what: 'the address to be free',
      ...soon,
    });
    await waitFor(async () => (await object('subnet', 'e2e-gone')) === undefined, {
      what: 'the subnet to go',
      ...soon,
    });
    expect(
      (await nbctl('--format=csv', '--no-headings', 'find', 'logical_switch_port', `name=goes.${ns}`)).trim(),
    ).toBe('');
    const comes = await readyPod(ns, 'comes');
    for (const ip of comes.ips) expect(goes.ips).not.toContain(ip);
    expect(await unreachable(cluster(), comes, everyAddress([stays]))).toEqual([]);
  });
});
