import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings, SettingError, settingsOf } from '../../operator/settings.ts';

const files = (entries: Record<string, string> = {}) => new Map(Object.entries(entries));

describe('settingsOf', () => {
  it('has the defaults of Kube-OVN, but for a lease of 15 s', () => {
    const { settings, warnings } = settingsOf(files(), []);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      defaultVpc: 'ovn-cluster',
      defaultSubnet: 'ovn-default',
      defaultCidr: '10.16.0.0/16',
      joinSubnet: 'join',
      joinCidr: '100.64.0.0/16',
      serviceCidrs: '10.96.0.0/12',
      networkType: 'geneve',
      podNicType: 'veth-pair',
      enableLb: true,
      healthPort: 10660,
      planPort: 10670,
      leaseDuration: 15,
      leaseRenewDeadline: 10,
      leaseRetryPeriod: 2,
    });
  });

  it('lets flags win over files, in every spelling', () => {
    const { settings } = settingsOf(files({ 'default-ls': 'file', 'node-switch': 'nodes', 'enable-lb': '' }), [
      '--default-ls=flag',
      '--plan-port',
      '1234',
      '--enable-ssl',
      '-log-level=debug',
      '--default-cidr=10.1.0.0/16,fd00::/64',
      '--default-exclude-ips=10.1.0.1,10.1.0.5..10.1.0.9',
    ]);
    expect(settings).toMatchObject({
      defaultSubnet: 'flag',
      joinSubnet: 'nodes',
      planPort: 1234,
      enableSsl: true,
      enableLb: true,
      logLevel: 'debug',
      defaultCidr: '10.1.0.0/16,fd00::/64',
      defaultExcludeIps: ['10.1.0.1', '10.1.0.5..10.1.0.9'],
    });
  });

  it.each([
    ['--plan-port=x', '--plan-port=x: must be an integer from 1 to 65535'],
    ['--plan-port=0', '--plan-port=0: must be an integer from 1 to 65535'],
    ['--default-cidr=10.16.0.0', '--default-cidr=10.16.0.0: must be a CIDR'],
    ['--default-cidr=10.16.0.0/16,10.17.0.0/16,10.18.0.0/16', 'must be a CIDR'],
    ['--default-gateway=10.16.0.300', 'must be addresses'],
    ['--default-exclude-ips=5..4', 'must be addresses or ranges'],
    ['--network-type=gre', '--network-type=gre: must be one of geneve, vxlan, stt'],
    ['--enable-lb=yes', '--enable-lb=yes: must be true or false'],
    ['--default-ls=Upper', '--default-ls=Upper: must be a DNS label'],
    ['--nonsense=1', '--nonsense: there is no such flag'],
    ['word', 'word: is not a flag'],
    ['--lease-duration=5', 'lease-renew-deadline=10'],
    ['--node-switch=ovn-default', 'node-switch=ovn-default: must differ from default-ls'],
  ])('refuses %s', (argument, message) => {
    expect(() => settingsOf(files(), [argument])).toThrow(SettingError);
    expect(() => settingsOf(files(), [argument])).toThrow(message);
  });

  it('names a bad file, and warns of files that nobody reads', () => {
    expect(() => settingsOf(files({ 'plan-port': 'x' }), [])).toThrow('setting plan-port=x: must be an integer');
    const { warnings } = settingsOf(files({ typo: '1', iface: 'eth1', mtu: '0', 'datapath-type': 'system' }), [
      '--worker-num=3',
    ]);
    expect(warnings).toEqual(['setting typo is not known and has no effect', 'flag --worker-num has no effect']);
  });
});

describe('readSettings', () => {
  it('reads a mounted ConfigMap without its links, and says when there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'settings-'));
    try {
      await writeFile(join(folder, 'default-ls'), 'mine\n');
      await symlink(folder, join(folder, '..data'));
      const { settings, warnings } = await readSettings([`--config-dir=${folder}`]);
      expect([settings.defaultSubnet, warnings]).toEqual(['mine', []]);
      await expect(readSettings([`--config-dir=${folder}/none`])).rejects.toThrow('cannot be read');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
