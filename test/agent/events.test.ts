import { describe, expect, it } from 'vitest';
import { CniError } from '../../agent/cni/error.ts';
import { parseRequest } from '../../agent/cni/request.ts';
import { configureFailed, configured, removeFailed } from '../../agent/events.ts';
import { port } from './samples.ts';

const request = parseRequest(
  new Map(
    Object.entries({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'abc',
      CNI_NETNS: '/n',
      CNI_IFNAME: 'net1',
      CNI_ARGS: 'K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_UID=u',
    }),
  ),
  JSON.stringify({ cniVersion: '1.0.0', name: 'n', type: 'kube-ovn', provider: 'blue.ns.ovn' }),
);
const tail = 'provider=blue.ns.ovn interface=net1 node=n1';
const pod = { api_version: 'v1', kind: 'Pod', namespace: 'ns', name: 'p', uid: 'u' };

describe('events of a pod, in the words of Kube-OVN', () => {
  it('tells what it has been given', () => {
    const dual = port({ addresses: ['10.16.0.5/16', 'fd00::5/64'] });
    expect(configured(request, dual, 'n1')).toEqual({
      event: {
        ...pod,
        type: 'Normal',
        reason: 'PodNetworkConfigured',
        message: `subnet=ovn-default ip=10.16.0.5,fd00::5 mac=00:00:00:00:00:01 ${tail}`,
      },
    });
  });

  it.each([
    [new CniError(11, 'no address yet', '', { stage: 'wait-address' }), 'stage=wait-address error=no address yet'],
    [
      new CniError(100, 'x failed: y', '', { stage: 'making the interface pair' }),
      'stage=making-the-interface-pair error=x failed: y',
    ],
    [new Error('odd'), 'stage=cni error=odd'],
  ])('tells which stage failed, and why: %s', (error, text) => {
    const event = { ...pod, type: 'Warning', message: `${text} ${tail}` };
    expect(configureFailed(request, error, 'n1')).toEqual({ event: { ...event, reason: 'PodNetworkConfigureFailed' } });
    expect(removeFailed(request, error, 'n1')).toEqual({ event: { ...event, reason: 'PodNetworkRemoveFailed' } });
  });
});
