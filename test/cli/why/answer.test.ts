// `kubeloom why` as its users read it, on rows written by hand: words, JSON, exit codes, and how the ends are named.
import { describe, expect, it } from 'vitest';
import { exitCodeOf, type Answer } from '../../../cli/why/answer.ts';
import { json } from '../../../cli/why/json.ts';
import { placeOf } from '../../../cli/why/place.ts';
import { nbOf } from '../../../cli/why/rows.ts';
import { text } from '../../../cli/why/text.ts';
import { ConnectionError } from '../../../cli/why/verdict.ts';
import { answer, type Question } from '../../../cli/why.ts';
import { Rows } from './rows.ts';

/** Pods shop/web and shop/db on one switch, node n1, and what NetworkPolicy shop/db lets in. */
function shop(): Rows {
  const rows = new Rows();
  rows.router('ovn-cluster');
  rows.switch('ovn-default');
  rows.switch('join');
  rows.attach('ovn-cluster', 'ovn-default', '02:00:00:00:01:01', ['10.16.0.1/16', 'fd00:10:16::1/112']);
  rows.attach('ovn-cluster', 'join', '02:00:00:00:01:02', ['100.64.0.1/16']);
  rows.port('ovn-default', 'web.shop', '02:00:00:00:00:01 10.16.0.2 fd00:10:16::2');
  rows.port('ovn-default', 'db.shop', '02:00:00:00:00:02 10.16.0.3 fd00:10:16::3');
  rows.port('join', 'node-n1', '02:00:00:00:02:01 100.64.0.2');
  rows.group('deny', ['db.shop']);
  const owner = 'NetworkPolicy/shop/db';
  rows.aclOnGroup('deny', {
    direction: 'to-lport',
    action: 'drop',
    priority: 2000,
    tier: 2,
    match: 'outport == @deny && ip',
    name: 'shop/db',
    owner,
  });
  rows.aclOnGroup('deny', {
    direction: 'to-lport',
    action: 'allow-related',
    priority: 2001,
    tier: 2,
    match: 'outport == @deny && ip4 && tcp.dst == 5432',
    name: 'np/db.shop/ingress/IPv4/0',
    owner,
  });
  return rows;
}

interface Asked extends Partial<Omit<Question, 'from' | 'to'>> {
  readonly from: string;
  readonly to: string;
}

function ask(rows: Rows, { from, to, ...more }: Asked): Answer {
  const places = { from: placeOf(from, 'shop'), to: placeOf(to, 'shop') };
  const cluster = { context: '', kubeconfig: '' };
  return answer(nbOf(rows.facts), { namespace: 'shop', family: 4, cluster, service: [], ...more, ...places });
}

const words = (given: Answer): string => text(given, { colour: false });

describe('the words', () => {
  it('for a connection that passes name the rules that let it', () => {
    const given = ask(shop(), { from: 'pod/web', to: 'shop/db', port: 5432 });
    expect(exitCodeOf(given)).toBe(0);
    expect(words(given)).toBe(
      [
        'PASSES  pod shop/web (10.16.0.2) -> pod shop/db (10.16.0.3), tcp 5432',
        '',
        'Request: arrives at port db.shop',
        '  from port web.shop of switch ovn-default, before load balancing: allowed, no rule matches',
        '  from port web.shop of switch ovn-default, after load balancing: allowed, no rule matches',
        '  to port db.shop of switch ovn-default: allow-related by NetworkPolicy shop/db',
        '      ACL np/db.shop/ingress/IPv4/0, allow-related, priority 2001 of tier 2, on Port_Group deny',
        '      outport == @deny && ip4 && tcp.dst == 5432',
        'Reply: arrives at port web.shop',
        '  from port db.shop of switch ovn-default, before load balancing: allowed, as the reply of a known connection',
        '  from port db.shop of switch ovn-default, after load balancing: allowed, as the reply of a known connection',
        '  to port web.shop of switch ovn-default: allowed, as the reply of a known connection',
        '',
      ].join('\n'),
    );
  });

  it('for one that does not say what stops it', () => {
    const given = ask(shop(), { from: 'node/n1', to: 'pod/db', port: 80 });
    expect(exitCodeOf(given)).toBe(2);
    expect(words(given).split('\n')).toEqual(
      expect.arrayContaining([
        'DOES NOT PASS  node n1 (100.64.0.2) -> pod shop/db (10.16.0.3), tcp 80',
        'Request: is dropped',
        '  to port db.shop of switch ovn-default: drop by NetworkPolicy shop/db',
        '      ACL shop/db, drop, priority 2000 of tier 2, on Port_Group deny',
        'Reply: none, since the request does not arrive',
      ]),
    );
  });

  it('tell each backend of a service, and that some are not reached', () => {
    const rows = shop();
    rows.balancer('shop/front', {
      on: ['ovn-default'],
      vips: { '10.96.0.7:80': '10.16.0.3:5432,10.16.0.3:5433' },
      protocol: 'tcp',
      owner: 'Service/shop/front',
    });
    const given = ask(rows, { from: 'pod/web', to: 'svc/front', service: ['10.96.0.7'] });
    expect(exitCodeOf(given)).toBe(2);
    expect(words(given).split('\n')).toEqual(
      expect.arrayContaining([
        'PASSES IN PART  pod shop/web (10.16.0.2) -> service shop/front (10.96.0.7), tcp 80',
        'Backend 10.16.0.3:5432',
        'Backend 10.16.0.3:5433: does not pass',
        '  load balancer shop/front: 10.96.0.7:80 -> 10.16.0.3:5433',
      ]),
    );
  });

  it('tell of rules that OVN leaves out', () => {
    const rows = shop();
    rows.aclOnSwitch('ovn-default', {
      direction: 'from-lport',
      action: 'drop',
      priority: 1,
      match: 'ip4.dst == $gone',
      owner: 'Subnet//ovn-default',
    });
    expect(words(ask(rows, { from: 'pod/web', to: '198.51.100.7' }))).toContain(
      '! OVN cannot read a rule of Subnet ovn-default and leaves it out: there is no address set $gone',
    );
  });

  it.each<[string, Asked, string]>([
    [
      'outside',
      { from: 'pod/web', to: '198.51.100.7' },
      'Request: leaves by port ovn-default-ovn-cluster; what is beyond',
    ],
    [
      'an address that nobody has',
      { from: 'pod/web', to: '10.16.9.9' },
      'Request: goes nowhere: no port of its subnet',
    ],
    ['IPv6', { from: 'pod/web', to: 'pod/db', family: 6 }, 'fd00:10:16::3'],
  ])('%s', (_, asked, line) => {
    expect(words(ask(shop(), asked))).toContain(line);
  });
});

describe('the JSON', () => {
  it('has every step with its rule', () => {
    const given = JSON.parse(json(ask(shop(), { from: 'pod/web', to: 'pod/db', port: 80 }))) as object;
    expect(given).toMatchObject({
      passes: false,
      from: { what: 'pod shop/web', address: '10.16.0.2' },
      to: { what: 'pod shop/db', address: '10.16.0.3' },
      protocol: 'tcp',
      port: 80,
      problems: [],
      ways: [
        {
          passes: false,
          request: {
            arrives: false,
            end: { kind: 'dropped' },
            steps: [
              { stage: 'from-lport', port: 'web.shop', effect: 'allow', by: 'default', tracking: 'new' },
              { stage: 'from-lport-after-lb' },
              {
                stage: 'to-lport',
                switch: 'ovn-default',
                port: 'db.shop',
                effect: 'drop',
                by: 'rule',
                rule: {
                  name: 'shop/db',
                  owner: { kind: 'NetworkPolicy', namespace: 'shop', name: 'db' },
                  on: { table: 'Port_Group', name: 'deny' },
                  priority: 2000,
                  tier: 2,
                  action: 'drop',
                  match: 'outport == @deny && ip',
                },
              },
            ],
          },
        },
      ],
    });
  });
});

describe('the ends', () => {
  it.each([
    ['pod/web', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['pod/other/web', { kind: 'pod', namespace: 'other', name: 'web' }],
    ['other/web', { kind: 'pod', namespace: 'other', name: 'web' }],
    ['svc/front', { kind: 'service', namespace: 'shop', name: 'front' }],
    ['svc/other/front', { kind: 'service', namespace: 'other', name: 'front' }],
    ['node/n1', { kind: 'node', name: 'n1' }],
    ['port/web.shop.net1.provider', { kind: 'port', name: 'web.shop.net1.provider' }],
    ['10.0.0.1', { kind: 'address' }],
    ['fd00::1', { kind: 'address' }],
  ])('%s', (written, place) => {
    expect(placeOf(written, 'shop')).toMatchObject(place);
  });

  it.each(['web', '', '/', 'pod/', 'a/b/c', 'pod/a/b/c', '10.0.0.256'])('%s is none', (written) => {
    expect(() => placeOf(written, 'shop')).toThrow(ConnectionError);
  });

  it.each<[string, Asked, string]>([
    ['a pod without a port', { from: 'pod/gone', to: 'pod/db', port: 80 }, 'no logical switch port gone.shop'],
    ['no family in common', { from: 'node/n1', to: 'fd00:10:16::3', port: 80 }, 'no address of the same family'],
    ['TCP without a port', { from: 'pod/web', to: 'pod/db', protocol: 'tcp' }, 'tcp needs a port'],
  ])('%s is told', (_, asked, message) => {
    expect(() => ask(shop(), asked)).toThrow(message);
  });
});
