import { describe, expect, it } from 'vitest';
import { UsageError, parseCommand } from './args.ts';

const parse = (text: string): unknown => parseCommand(text === '' ? [] : text.split(' '));

describe('parseCommand', () => {
  it.each<[string, unknown]>([
    [
      'up',
      {
        verb: 'up',
        options: { name: 'dev', nodes: 2, bare: false, ovnMembers: 1, family: 'ipv4', kubeProxy: 'iptables' },
      },
    ],
    [
      'up --bare --name=a-1 --nodes 5',
      {
        verb: 'up',
        options: { name: 'a-1', nodes: 5, bare: true, ovnMembers: 1, family: 'ipv4', kubeProxy: 'iptables' },
      },
    ],
    [
      '--name x up --ovn-members 3',
      {
        verb: 'up',
        options: { name: 'x', nodes: 3, bare: false, ovnMembers: 3, family: 'ipv4', kubeProxy: 'iptables' },
      },
    ],
    [
      'up --ovn-members=3 --nodes=4',
      {
        verb: 'up',
        options: { name: 'dev', nodes: 4, bare: false, ovnMembers: 3, family: 'ipv4', kubeProxy: 'iptables' },
      },
    ],
    ['down', { verb: 'down', name: 'dev', keepLogs: false }],
    [
      'up --family dual',
      {
        verb: 'up',
        options: { name: 'dev', nodes: 2, bare: false, ovnMembers: 1, family: 'dual', kubeProxy: 'iptables' },
      },
    ],
    [
      'up --family ipv6 --ovn-members 3',
      {
        verb: 'up',
        options: { name: 'dev', nodes: 3, bare: false, ovnMembers: 3, family: 'ipv6', kubeProxy: 'iptables' },
      },
    ],
    ['down --name x --keep-logs', { verb: 'down', name: 'x', keepLogs: true }],
    ['status --name x', { verb: 'status', name: 'x' }],
    ['load-image some.tar', { verb: 'load-image', name: 'dev', tar: 'some.tar' }],
    [
      'kubectl get pods -A --name=y -h',
      { verb: 'kubectl', name: 'dev', args: ['get', 'pods', '-A', '--name=y', '-h'] },
    ],
    ['--name x kubectl get up', { verb: 'kubectl', name: 'x', args: ['get', 'up'] }],
    ['kubectl', { verb: 'kubectl', name: 'dev', args: [] }],
    ['lock', { verb: 'lock' }],
    ['', { verb: 'help' }],
    ['up --help', { verb: 'help' }],
  ])('%s', (text, command) => {
    expect(parse(text)).toEqual(command);
  });

  it.each([
    ['jump', 'unknown command "jump"'],
    ['up now', 'up takes no "now"'],
    ['load-image', 'load-image takes one argument'],
    ['load-image a b', 'load-image takes one argument'],
    ['up --nodes', '--nodes'],
    ['up --nodes 0', '--nodes is a number from 1 to 20, not 0'],
    ['up --nodes 21', '--nodes is a number'],
    ['up --nodes two', '--nodes is a number'],
    ['up --nodes 2 --ovn-members 3', '--nodes is a number from 3 to 20, not 2'],
    ['up --ovn-members 2', '--ovn-members is 1 or 3, not 2'],
    ['up --kube-proxy ipvs', '--kube-proxy is iptables or nftables, not ipvs'],
    ['up --family ipx', '--family is ipv4, ipv6 or dual, not ipx'],
    ['up --name ../x', '--name is up to 31'],
    ['up --name Big', '--name is up to 31'],
    ['up --fast', '--fast'],
  ])('refuses: %s', (text, message) => {
    expect(() => parse(text)).toThrow(UsageError);
    expect(() => parse(text)).toThrow(message);
  });
});
