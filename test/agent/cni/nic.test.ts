import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { netnsName, nicBatch, nicNames } from '../../../agent/cni/nic.ts';
import { parseRequest } from '../../../agent/cni/request.ts';
import { port } from '../samples.ts';

const request = parseRequest(
  new Map(Object.entries({ CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'abc', CNI_NETNS: '/n', CNI_IFNAME: 'eth0' })),
  JSON.stringify({ cniVersion: '1.0.0', name: 'n', type: 'kube-ovn' }),
);

describe('nicNames', () => {
  const id = '0123456789abcdef';
  it.each([
    ['eth0', '0123456789ab_h', '0123456789ab_c'],
    ['net1', '01234567_net1_h', '01234567_net1_c'],
    ['pod16477688c0e', '01234_pod8c0e_h', '01234_pod8c0e_c'],
  ])('%s', (ifname, host, pod) => {
    expect(nicNames(id, ifname)).toEqual({ host, pod });
  });

  it('always fits, and starts with the container id', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{1,15}$/), (ifname) => {
        const { host, pod } = nicNames(id, ifname);
        expect(host.length).toBeLessThanOrEqual(15);
        expect(pod.length).toBeLessThanOrEqual(15);
        expect(host.startsWith(id.slice(0, 4))).toBe(true);
      }),
    );
  });
});

describe('netnsName', () => {
  it.each([
    ['/run/netns/cni-1', 'cni-1'],
    ['/var/run/netns/cni-1', 'cni-1'],
    ['/proc/12/ns/net', '../../../proc/12/ns/net'],
    ['/run/netns/a/b', '../../../run/netns/a/b'],
  ])('%s', (path, name) => {
    expect(netnsName(path)).toBe(name);
  });
});

describe('nicBatch', () => {
  const LINK =
    'link add name h up mtu 1400 txqueuelen 1000 netns /proc/7/ns/net ' +
    'type veth peer name eth0 address 00:00:00:00:00:01 mtu 1400 txqueuelen 1000';

  it('has both families, and a gateway that is not in its prefix', () => {
    const dual = port({
      addresses: ['10.16.0.5/32', 'fd00::5/64'],
      gateways: ['10.16.0.1', 'fd00::1'],
      routes: [{ dst: '172.16.0.0/12', gateway: '10.16.0.5' }],
    });
    expect(nicBatch({ host: 'h', pod: 'c' }, request, dual, '/proc/7/ns/net')).toEqual([
      LINK,
      'link set dev eth0 alias c up',
      'address add 10.16.0.5/32 dev eth0',
      'address add fd00::5/64 dev eth0 nodad',
      'route replace 0.0.0.0/0 via 10.16.0.1 dev eth0 onlink',
      'route replace ::/0 via fd00::1 dev eth0',
      'route replace 172.16.0.0/12 via 10.16.0.5 dev eth0',
    ]);
  });
});
