import { describe, expect, it } from 'vitest';
import type { CniRequest } from '../../../agent/cni/request.ts';
import { addResult, addressResult, portRoutes, versionResult } from '../../../agent/cni/result.ts';
import { port } from '../samples.ts';

const request = (cniVersion: string): CniRequest => ({
  command: 'ADD',
  containerId: 'abc',
  netns: '/run/netns/x',
  ifname: 'eth0',
  pod: { namespace: 'ns', name: 'p', uid: 'u' },
  conf: { cniVersion, name: 'n', type: 'kube-ovn', provider: 'ovn', routes: [], dns: {} },
  ipam: false,
});

const dual = port({
  addresses: ['10.16.0.5/16', 'fd00:10:16::5/64'],
  gateways: ['10.16.0.1', 'fd00:10:16::1'],
});
const nic = { host: 'abc_h', mtu: 1400 };
const plain = { name: 'eth0', mac: '00:00:00:00:00:01', sandbox: '/run/netns/x' };

describe('addResult', () => {
  it.each(['0.3.0', '0.3.1', '0.4.0'])('states the family of an address in %s', (version) => {
    expect(addResult(request(version), dual, nic)).toEqual({
      cniVersion: version,
      interfaces: [{ name: 'abc_h' }, plain],
      ips: [
        { version: '4', address: '10.16.0.5/16', gateway: '10.16.0.1', interface: 1 },
        { version: '6', address: 'fd00:10:16::5/64', gateway: 'fd00:10:16::1', interface: 1 },
      ],
      routes: [
        { dst: '0.0.0.0/0', gw: '10.16.0.1' },
        { dst: '::/0', gw: 'fd00:10:16::1' },
      ],
      dns: {},
    });
  });

  it('does not from 1.0.0 on, and states the MTU from 1.1.0 on', () => {
    const ips = [{ address: '10.16.0.5/16', gateway: '10.16.0.1', interface: 1 }];
    expect(addResult(request('1.0.0'), port(), nic)).toMatchObject({ interfaces: [{ name: 'abc_h' }, plain] });
    expect(addResult(request('1.0.0'), port(), nic)['ips']).toEqual(ips);
    expect(addResult(request('1.1.0'), port(), nic)).toMatchObject({
      interfaces: [
        { name: 'abc_h', mtu: 1400 },
        { ...plain, mtu: 1400 },
      ],
      ips,
    });
  });

  it('keeps what the plugins before have made, and counts interfaces on', () => {
    const before = {
      interfaces: [{ name: 'lo', sandbox: '/run/netns/x' }],
      ips: [{ address: '127.0.0.1/8', interface: 0 }],
      routes: [{ dst: '192.0.2.0/24', gw: '127.0.0.1' }],
      dns: { nameservers: ['192.0.2.53'] },
    };
    const { conf, ...rest } = request('1.0.0');
    expect(addResult({ ...rest, conf: { ...conf, prevResult: before } }, port(), nic)).toEqual({
      cniVersion: '1.0.0',
      interfaces: [...before.interfaces, { name: 'abc_h' }, plain],
      ips: [...before.ips, { address: '10.16.0.5/16', gateway: '10.16.0.1', interface: 2 }],
      routes: [...before.routes, { dst: '0.0.0.0/0', gw: '10.16.0.1' }],
      dns: before.dns,
    });
  });

  it('has no interfaces for an IPAM plugin', () => {
    expect(addressResult(request('1.0.0'), port())).toEqual({
      cniVersion: '1.0.0',
      ips: [{ address: '10.16.0.5/16', gateway: '10.16.0.1' }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.16.0.1' }],
      dns: {},
    });
  });
});

describe('portRoutes', () => {
  it('has the default route of the default network only, then its own routes', () => {
    const routes = [
      { dst: '172.16.0.0/12', gateway: '10.16.0.9' },
      { dst: '', gateway: '10.16.0.8' },
    ];
    expect(portRoutes(port({ defaultRoute: false, routes }))).toEqual([
      { dst: '172.16.0.0/12', gateway: '10.16.0.9' },
      { dst: '0.0.0.0/0', gateway: '10.16.0.8' },
    ]);
  });

  it('sends what a configuration asks for to the gateway of its family unless it names one', () => {
    const asked = [{ dst: '192.168.0.0/16' }, { dst: 'fd01::/64' }, { dst: '1.0.0.0/8', gw: '10.16.0.7' }];
    expect(portRoutes({ ...dual, defaultRoute: false }, asked)).toEqual([
      { dst: '192.168.0.0/16', gateway: '10.16.0.1' },
      { dst: 'fd01::/64', gateway: 'fd00:10:16::1' },
      { dst: '1.0.0.0/8', gateway: '10.16.0.7' },
    ]);
  });
});

describe('versionResult', () => {
  it('answers in the version that was asked in, and in the newest without one', () => {
    const supportedVersions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
    expect(versionResult('0.4.0')).toEqual({ cniVersion: '0.4.0', supportedVersions });
    expect(versionResult('2.0.0')).toEqual({ cniVersion: '2.0.0', supportedVersions });
    expect(versionResult('')).toEqual({ cniVersion: '1.1.0', supportedVersions });
  });
});
