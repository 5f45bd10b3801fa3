import { describe, expect, it } from 'vitest';
import { ipRow } from '../../../operator/api/project.ts';
import { ipManifest, isSame } from '../../../operator/ipam/writer.ts';
import type { NewIp } from '../../../operator/ipam/writer.ts';

const ip: NewIp = {
  name: 'web.shop',
  subnet: 'ovn-default',
  podName: 'web',
  namespace: 'shop',
  podType: '',
  node: 'node1',
  addresses: ['10.16.0.5', 'fd00:10:16::5'],
  mac: '02:00:00:00:00:05',
  ownerUid: 'uid-1',
};

describe('ipManifest', () => {
  it('has the fields and labels of Kube-OVN', () => {
    expect(ipManifest(ip)).toEqual({
      apiVersion: 'kubeovn.io/v1',
      kind: 'IP',
      metadata: {
        name: 'web.shop',
        labels: {
          'ovn.kubernetes.io/subnet': 'ovn-default',
          'ovn.kubernetes.io/node-name': 'node1',
          'ovn-default': '',
          'ovn.kubernetes.io/ip_reserved': 'false',
        },
        annotations: { 'kubeloom.io/owner-uid': 'uid-1' },
        finalizers: ['kubeovn.io/kube-ovn-controller'],
      },
      spec: {
        podName: 'web',
        namespace: 'shop',
        podType: '',
        nodeName: 'node1',
        subnet: 'ovn-default',
        ipAddress: '10.16.0.5,fd00:10:16::5',
        v4IpAddress: '10.16.0.5',
        v6IpAddress: 'fd00:10:16::5',
        macAddress: '02:00:00:00:00:05',
        attachIps: [],
        attachMacs: [],
        attachSubnets: [],
        containerID: '',
      },
    });
  });

  it.each([[['10.16.0.5', 'fd00:10:16::5']], [['10.16.0.5']], [['fd00:10:16::5']]])(
    'with %s is read back as it was meant',
    (addresses) => {
      const one = { ...ip, addresses };
      const row = ipRow(ipManifest(one));
      expect(isSame(row, one)).toBe(true);
      expect(row).toMatchObject({ podName: 'web', namespace: 'shop', node: 'node1', mac: ip.mac });
      expect(isSame(row, { ...one, ownerUid: 'uid-2' })).toBe(false);
    },
  );
});
