import { describe, expect, it } from 'vitest';
import { ipsetText, parseIpsets, restoreText } from '../../../agent/drivers/ipset.ts';

describe('ipsetText', () => {
  it('is canonical: one family, sorted, hosts without a length, /0 in halves', () => {
    const members = ['10.16.0.9/16', '10.1.2.3', '10.1.2.4/32', '10.16.0.0/16', 'fd00::/8', '0.0.0.0/0'];
    expect(ipsetText(members, 4)).toBe('hash:net inet\n0.0.0.0/1\n10.1.2.3\n10.1.2.4\n10.16.0.0/16\n128.0.0.0/1');
    expect(ipsetText(members, 6)).toBe('hash:net inet6\nfd00::/8');
  });
});

describe('parseIpsets', () => {
  it('reads ours, and leaves those of other features and programs', () => {
    const save = [
      'create ovn40subnets hash:net family inet hashsize 1024 maxelem 1048576 bucketsize 12 initval 0x1',
      'create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536',
      'create ovn40natpr-other hash:net family inet hashsize 1024 maxelem 1048576',
      'create ovn60services hash:net family inet6 hashsize 1024 maxelem 1048576',
      'add ovn40subnets 10.16.0.0/16',
      'add ovn40subnets 100.64.0.0/16',
      'add KUBE-CLUSTER-IP 10.96.0.1,tcp:443',
      'add ovn40natpr-other 1.2.3.4',
    ].join('\n');
    expect([...parseIpsets(save)]).toEqual([
      ['ovn40subnets', ipsetText(['100.64.0.0/16', '10.16.0.0/16'], 4)],
      ['ovn60services', ipsetText([], 6)],
    ]);
  });
});

it('restoreText fills a scratch set and swaps', () => {
  expect(restoreText(new Map([['ovn60subnets', ipsetText(['fd00::/64'], 6)]]))).toMatchInlineSnapshot(`
    "create ovn60subnets hash:net family inet6 maxelem 1048576 -exist
    create kubeloom-scratch6 hash:net family inet6 maxelem 1048576 -exist
    flush kubeloom-scratch6
    add kubeloom-scratch6 fd00::/64
    swap kubeloom-scratch6 ovn60subnets
    destroy kubeloom-scratch6
    "
  `);
  expect(restoreText(new Map())).toBe('');
});
