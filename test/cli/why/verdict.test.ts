// Verdicts on networks written by hand. What is said here of OVN is what ovn-trace says of it too, in
// agreement.server.test.ts, but for a pod that reaches itself through a virtual address: its second half is no matter of
// ovn-trace, which leaves the source as it is.
import type { Value } from '../../../lib/delta/fact.ts';
import { describe, expect, it } from 'vitest';
import { nbOf } from '../../../cli/why/rows.ts';
import type { Step } from '../../../cli/why/course.ts';
import { ConnectionError, Evaluation, verdict, type Verdict } from '../../../cli/why/verdict.ts';
import type { Owner } from '../../../lib/delta/fact.ts';
import { judgement } from '../../../cli/why/judge.ts';
import { changed, packetOf } from '../../../cli/why/packet.ts';
import { parseIp } from '../../../lib/net/index.ts';
import { Rows, type AclText } from './rows.ts';

const a = '10.0.1.1';
const b = '10.0.1.2';
const c = '10.0.2.1';

/** Switches s1 (ports a, b) and s2 (port c) on router r, both families. */
function network(): Rows {
  const rows = new Rows();
  rows.router('r');
  rows.switch('s1');
  rows.switch('s2');
  rows.attach('r', 's1', '02:00:00:00:01:01', ['10.0.1.254/24', 'fd00:1::fe/64']);
  rows.attach('r', 's2', '02:00:00:00:01:02', ['10.0.2.254/24', 'fd00:2::fe/64']);
  rows.port('s1', 'a', `02:00:00:00:00:01 ${a} fd00:1::1`);
  rows.port('s1', 'b', `02:00:00:00:00:02 ${b} fd00:1::2`);
  rows.port('s2', 'c', `02:00:00:00:00:03 ${c} fd00:2::1`);
  return rows;
}

const rule = (direction: AclText['direction'], action: string, priority: number, match: string): AclText => ({
  direction,
  action,
  priority,
  match,
});

/** A group that nothing reaches, and one that reaches nothing, as a policy makes it. */
function isolated(rows: Rows, ...ports: string[]): Rows {
  rows.group('closed', ports);
  rows.aclOnGroup('closed', { ...rule('to-lport', 'drop', 2000, 'outport == @closed && ip'), tier: 2, name: 'no' });
  return rows;
}

const tcp = (rows: Rows, from: string, to: string, port = 80): Verdict =>
  verdict(nbOf(rows.facts), { from, to, protocol: 'tcp', port });

const endOf = ({ ways }: Verdict): [string | undefined, string | undefined] => [
  ways[0]?.request.end.kind,
  ways[0]?.reply?.end.kind,
];

const sources = (steps: readonly Step[] | undefined): string[] =>
  (steps ?? []).map((step) => (step.kind === 'rules' ? `${step.port} ${step.stage} ${step.judgement.by}` : step.kind));

describe('rules', () => {
  it('pass everything where there are none', () => {
    expect(tcp(network(), 'a', b).passes).toBe(true);
    expect(tcp(network(), 'a', c).passes).toBe(true);
  });

  it('the highest priority decides, and is named with its owner', () => {
    const rows = isolated(network(), 'b');
    expect(endOf(tcp(rows, 'a', b))).toEqual(['dropped', undefined]);
    rows.aclOnGroup('closed', {
      ...rule('to-lport', 'allow-related', 2001, `outport == @closed && ip4.src == ${a}`),
      tier: 2,
      owner: 'NetworkPolicy/shop/web',
    });
    const allowed = tcp(rows, 'a', b);
    expect(allowed.passes).toBe(true);
    expect(allowed.ways[0]?.request.steps.at(-1)).toMatchObject({
      stage: 'to-lport',
      port: 'b',
      judgement: { by: 'rule', rule: { owner: { kind: 'NetworkPolicy', namespace: 'shop', name: 'web' }, tier: 2 } },
    });
    expect(tcp(rows, 'c', b).passes).toBe(false);
  });

  it('an earlier tier decides, and hands on what it passes', () => {
    const rows = isolated(network(), 'b');
    rows.aclOnSwitch('s1', rule('to-lport', 'pass', 9, `ip4.src == ${a}`));
    rows.aclOnSwitch('s1', rule('to-lport', 'allow-related', 8, 'ip4'));
    const passed = tcp(rows, 'a', b);
    expect(passed.passes).toBe(false);
    const last = passed.ways[0]?.request.steps.at(-1);
    expect(last?.kind === 'rules' && last.judgement.passed.map(({ priority }) => priority)).toEqual([9]);
    expect(tcp(rows, 'c', b).passes).toBe(true);
  });

  it('an answer passes where the switch tracks, and dies where it does not', () => {
    const rows = isolated(network(), 'a');
    expect(endOf(tcp(rows, 'a', b))).toEqual(['delivered', 'dropped']);
    rows.aclOnGroup('closed', rule('to-lport', 'allow-related', 1, 'outport == @closed && ip4.src == 192.0.2.1'));
    expect(endOf(tcp(rows, 'a', b))).toEqual(['delivered', 'delivered']);
  });

  it('one without a port also meets the ports of routers', () => {
    const rows = network();
    rows.aclOnSwitch('s1', rule('to-lport', 'drop', 1, 'tcp'));
    const out = tcp(rows, 'a', c);
    expect(out.ways[0]?.request.steps.at(-1)).toMatchObject({ port: 's1-r', stage: 'to-lport' });
    expect(out.passes).toBe(false);
  });

  it('forget at the port of a router what was tracked, where virtual addresses alone make the switch track', () => {
    const rows = network();
    rows.balancer('lb', { on: ['s2'], vips: { '10.96.0.1:80': `${a}:80` }, protocol: 'tcp' });
    rows.aclOnSwitch('s2', rule('to-lport', 'drop', 1, `outport == "s2-r" && ip4.src == ${c}`));
    expect(endOf(tcp(rows, 'a', c))).toEqual(['delivered', 'dropped']);
    rows.aclOnSwitch('s2', rule('to-lport', 'allow-related', 1, 'ip4.src == 192.0.2.1'));
    expect(endOf(tcp(rows, 'a', c))).toEqual(['delivered', 'delivered']);
  });

  it('are refused as northd pastes them: in a longer match, parentheses that do not belong together', () => {
    const rows = network();
    rows.aclOnSwitch('s1', rule('to-lport', 'drop', 1, 'ip6) || (ip4'));
    expect(tcp(rows, 'a', b)).toMatchObject({ passes: false, unreadable: [] });
    rows.aclOnSwitch('s1', { ...rule('to-lport', 'drop', 1, 'udp'), tier: 1 });
    expect(tcp(rows, 'a', b)).toMatchObject({ passes: true, unreadable: [{ rule: { match: 'ip6) || (ip4' } }] });
  });

  it('one that cannot be read is not there, and is told', () => {
    const rows = network();
    rows.group('closed', ['b']);
    rows.aclOnGroup('closed', rule('to-lport', 'drop', 2000, 'outport == @closed && ip4.src != $gone'));
    const open = tcp(rows, 'a', b);
    expect(open.passes).toBe(true);
    expect(open.unreadable).toMatchObject([{ reason: 'there is no address set $gone', rule: { priority: 2000 } }]);
  });

  it('two of one rank with other effects are told', () => {
    const rows = network();
    rows.aclOnSwitch('s1', rule('to-lport', 'drop', 5, 'ip4'));
    rows.aclOnSwitch('s1', rule('to-lport', 'allow', 5, 'tcp'));
    expect(tcp(rows, 'a', b).ambiguous).toHaveLength(1);
  });

  it('discovery of neighbours passes whatever they say', () => {
    const rows = network();
    rows.aclOnSwitch('s1', rule('to-lport', 'drop', 5, 'ip'));
    const { stages } = new Evaluation(nbOf(rows.facts)).network.switch(rows.id('Logical_Switch', 's1')).rules;
    const [source, destination] = [parseIp('fd00:1::1')!, parseIp('fd00:1::2')!];
    const effect = (type: number, ttl: bigint): string => {
      const header = { source, destination, protocol: 'icmp' as const, sourcePort: 0, port: 0, type };
      const packet = changed(packetOf(header, 'a', { source: 1n, destination: 2n }), { 'ip.ttl': ttl });
      const asked = { tracking: 'untracked', stateful: false, unmatched: 'allow' } as const;
      return judgement(stages['to-lport'], packet, asked).effect;
    };
    expect([effect(135, 255n), effect(135, 64n), effect(128, 255n)]).toEqual(['allow', 'drop', 'drop']);
  });

  it('with default_acl_drop, what no rule allows is dropped where there are rules', () => {
    const rows = network();
    rows.global({ default_acl_drop: 'true' });
    expect(tcp(rows, 'a', b).passes).toBe(true);
    rows.aclOnSwitch('s1', rule('to-lport', 'allow-related', 5, 'udp'));
    expect(tcp(rows, 'a', b).passes).toBe(false);
  });
});

describe('facts', () => {
  it('are a database whatever their order, elements by themselves among them', () => {
    const { facts } = isolated(network(), 'b');
    const open = facts.map((fact) => (fact.row === 'Port_Group' ? { ...fact, columns: { name: 'closed' } } : fact));
    const id = facts.find(({ row }) => row === 'Port_Group')!.id;
    const element = facts.find(({ columns }) => columns['name'] === 'b')!.id;
    const member = { member: 'Port_Group', id, column: 'ports', element, owner: 'Test//rows' as Owner };
    const ask = { from: 'a', to: b, protocol: 'tcp', port: 80 } as const;
    expect(verdict(nbOf(open), ask).passes).toBe(true);
    expect(verdict(nbOf([member, ...open]), ask).passes).toBe(false);
    expect(verdict(nbOf([...open, member].toReversed()), ask).passes).toBe(false);
  });
});

describe('load balancing', () => {
  const balanced = (vips: Readonly<Record<string, string>>, options = {}): Rows => {
    const rows = network();
    rows.balancer('lb', { on: ['s1'], vips, protocol: 'tcp', options });
    return rows;
  };

  it('is before the rules that are applied after it, and behind the others', () => {
    const rows = balanced({ '10.96.0.1:80': `${c}:8080` });
    rows.aclOnSwitch('s1', rule('from-lport', 'drop', 5, `ip4.dst == ${c}`));
    expect(tcp(rows, 'a', '10.96.0.1').passes).toBe(true);
    rows.aclOnSwitch('s1', { ...rule('from-lport', 'drop', 5, `ip4.dst == ${c} && tcp.dst == 8080`), afterLb: true });
    expect(tcp(rows, 'a', '10.96.0.1').passes).toBe(false);
    expect(tcp(rows, 'a', '10.96.0.1', 81).ways[0]?.request.end.kind).toBe('left');
  });

  it('tells of each backend', () => {
    const rows = isolated(balanced({ '10.96.0.1:80': `${b}:8080,${c}:8080` }), 'b');
    const { ways, passes } = tcp(rows, 'a', '10.96.0.1');
    expect(passes).toBe(false);
    expect(ways.map(({ passes }) => passes)).toEqual([false, true]);
    // The client sends to the router, which returns what is for its own switch.
    expect(sources(ways[0]?.request.steps)).toEqual([
      'a from-lport default',
      'load-balancing',
      'a from-lport-after-lb default',
      's1-r to-lport default',
      's1-r from-lport default',
      's1-r from-lport-after-lb default',
      'b to-lport rule',
    ]);
  });

  it('ends where there is no backend', () => {
    expect(endOf(tcp(balanced({ '10.96.0.1:80': '' }), 'a', '10.96.0.1'))).toEqual(['no-backend', undefined]);
    expect(endOf(tcp(balanced({ '10.96.0.1:80': '' }, { reject: 'true' }), 'a', '10.96.0.1'))[0]).toBe('rejected');
  });

  it('works by way of a group, without ports, and in IPv6', () => {
    const rows = network();
    rows.balancer('lb', { on: ['s1'], through: 'all', vips: { 'fd00:96::1': 'fd00:2::1' }, protocol: 'udp' });
    const { ways } = verdict(nbOf(rows.facts), { from: 'a', to: 'fd00:96::1', protocol: 'udp', port: 53 });
    expect(ways[0]?.request.end).toMatchObject({ kind: 'delivered', port: { name: 'c' } });
  });

  it('asks the chassis of the client where names stand for its backends, and of an address of IPv6', () => {
    const rows = network();
    const on = (chassis: string): Readonly<Record<string, Value>> => ({
      options: new Map([['requested-chassis', chassis]]),
    });
    rows.port('s1', 'd', '02:00:00:00:00:04 10.0.1.4 fd00:1::4', on('first'));
    rows.port('s1', 'e', '02:00:00:00:00:05 10.0.1.5 fd00:1::5', on('second'));
    const template = { template: 'true', reject: 'true' };
    rows.balancer('lb4', { on: ['s1'], vips: { '10.96.0.1:80': '^kl4' }, protocol: 'tcp', options: template });
    rows.balancer('lb6', { on: ['s1'], vips: { '^klv:80': '^kl6' }, protocol: 'tcp', options: template });
    rows.variables('first', { kl4: `${b}:8080,${c}:8080`, klv: 'fd00:96::1', kl6: '[fd00:2::1]:8080' });
    rows.variables('second', { kl4: '127.0.0.1:1', klv: 'fd00:96::1', kl6: '[ff0e::1]:1' });
    expect(tcp(rows, 'd', '10.96.0.1').ways.map(({ request }) => request.end)).toMatchObject([
      { kind: 'delivered', port: { name: 'b' } },
      { kind: 'delivered', port: { name: 'c' } },
    ]);
    expect(tcp(rows, 'd', 'fd00:96::1').ways[0]?.request.end).toMatchObject({ kind: 'delivered', port: { name: 'c' } });
    for (const vip of ['10.96.0.1', 'fd00:96::1'])
      expect(tcp(rows, 'e', vip).ways[0]?.request.end).toEqual({ kind: 'no-backend' });
  });

  it('brings a pod back to itself past the rules behind it, from another address', () => {
    const rows = isolated(balanced({ '10.96.0.1:80': `${a}:8080` }, { hairpin_snat_ip: '169.254.88.88' }), 'a');
    rows.aclOnSwitch('s1', { ...rule('from-lport', 'drop', 5, 'ip4'), afterLb: true });
    expect(endOf(tcp(rows, 'a', '10.96.0.1'))).toEqual(['dropped', undefined]);
    rows.aclOnGroup('closed', { ...rule('to-lport', 'allow-related', 2001, 'ip4.src == 169.254.88.88'), tier: 2 });
    const self = tcp(rows, 'a', '10.96.0.1');
    expect(self.passes).toBe(true);
    expect(sources(self.ways[0]?.request.steps)).toEqual(['a from-lport default', 'load-balancing', 'a to-lport rule']);
    expect(sources(self.ways[0]?.reply?.steps)).toEqual(['a from-lport reply', 'a to-lport reply']);
  });
});

describe('places', () => {
  it('outside: the port of the router is where it comes from and goes to', () => {
    const rows = isolated(network(), 'b');
    expect(endOf(tcp(rows, '198.51.100.7', b))).toEqual(['dropped', undefined]);
    expect(endOf(tcp(rows, '198.51.100.7', c))).toEqual(['delivered', 'left']);
    expect(endOf(tcp(rows, 'a', '198.51.100.7'))).toEqual(['left', 'delivered']);
  });

  it('that do not exist are told', () => {
    expect(tcp(network(), 'a', '10.0.1.99').ways[0]?.request.end).toMatchObject({ kind: 'no-route' });
    expect(() => tcp(network(), 'x', b)).toThrow(ConnectionError);
    expect(() => tcp(network(), 'a', 'x')).toThrow('not an address');
    expect(() => tcp(network(), '192.0.2.1', '192.0.2.2')).toThrow('neither address');
    expect(() => verdict(nbOf(network().facts), { from: 'a', to: b, protocol: 'tcp' })).toThrow('needs a port');
  });

  it('a port that is switched off neither sends nor receives', () => {
    const rows = network();
    rows.port('s1', 'off', '02:00:00:00:00:09 10.0.1.9', { enabled: new Set([false]) });
    expect(endOf(tcp(rows, 'off', b))).toEqual(['disabled', undefined]);
    expect(endOf(tcp(rows, 'a', '10.0.1.9'))).toEqual(['disabled', undefined]);
  });

  it('DHCP is answered behind the rules of the sender, and past those towards it', () => {
    const rows = isolated(network(), 'd');
    rows.port('s1', 'd', '02:00:00:00:00:04 10.0.1.4', { dhcpv4_options: new Set(['x']) });
    const ask = { from: 'd', to: '255.255.255.255', protocol: 'udp', port: 67, sourcePort: 68 } as const;
    expect(verdict(nbOf(rows.facts), ask)).toMatchObject({
      passes: true,
      ways: [{ request: { end: { by: 'DHCP' } } }],
    });
    rows.aclOnSwitch('s1', { ...rule('from-lport', 'drop', 5, 'udp'), afterLb: true });
    expect(verdict(nbOf(rows.facts), ask).passes).toBe(false);
  });
});
