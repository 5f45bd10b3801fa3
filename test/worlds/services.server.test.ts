// Services in a real northbound database, and packets through what a real ovn-northd makes of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import type { Change } from '../expand.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

const chassis = (name: string): Record<string, unknown> => ({ 'ovn.kubernetes.io/chassis': name });
const service = (name: string, fields: Record<string, unknown>): Change => put('Service', `a/${name}`, fields);
const slice = (name: string, ports: readonly string[], endpoints: readonly string[]): Change =>
  put('EndpointSlice', `a/${name}-${endpoints[0]?.includes('::') ? 6 : 4}`, { for: `a/${name}`, ports, endpoints });

const both = ['10.16.0.2 p1 n1', '10.16.0.3 p2 n2'];
const both6 = ['fd00:10:16::2 p1 n1', 'fd00:10:16::3 p2 n2'];
const rule = (vip: string): Record<string, unknown> => ({
  'ovn.kubernetes.io/switch_lb_vip': vip,
  'kubeloom.io/owner': 'SwitchLBRule//front',
});

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16,fd00:10:16::/112', default: true, enableLb: true }),
  put('Subnet', 'quiet', { cidrBlock: '10.17.0.0/16', enableLb: false }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16,fd00:100:64::/112' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2', annotations: chassis('first') }),
  put('Node', 'n2', { ip: '172.18.0.3', annotations: chassis('second') }),
  put('Vip', 'ovn-default', { subnet: 'ovn-default', ip: '10.16.0.200' }),
  ...pod('p1', { node: 'n1', subnet: 'ovn-default', ip: '10.16.0.2,fd00:10:16::2', mac: '02:00:00:00:00:01' }),
  ...pod('p2', { node: 'n2', subnet: 'ovn-default', ip: '10.16.0.3,fd00:10:16::3', mac: '02:00:00:00:00:02' }),
  ...pod('q1', { node: 'n1', subnet: 'quiet', ip: '10.17.0.2', mac: '02:00:00:00:00:03' }),
  service('web', { ip: '10.96.0.10,fd00:96::10', ports: ['http 80', 'sig 5060/SCTP', 'dns 53/UDP'] }),
  slice('web', ['http 8080', 'sig 5061/SCTP', 'dns 5353/UDP'], both),
  slice('web', ['http 8080', 'sig 5061/SCTP', 'dns 5353/UDP'], both6),
  service('empty', { ip: '10.96.0.11', ports: ['80'] }),
  service('kept', { ip: '10.96.0.12', ports: ['80'], sessionAffinity: 'ClientIP' }),
  slice('kept', ['8080'], both),
  service('local', { ip: '10.96.0.13,fd00:96::13', ports: ['80'], internalTrafficPolicy: 'Local' }),
  slice('local', ['8080'], both),
  slice('local', ['8080'], both6),
  service('slr-front', { ports: ['80'], annotations: rule('10.16.0.80') }),
  slice('slr-front', ['8080'], both),
];

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  const wanted = rowsOf(cluster);
  const gateway = wanted.macOf('ovn-cluster-ovn-default');

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await ovn.chassis('second', 'n2');
    await enter(ovn, wanted);
  });
  afterAll(() => ovn.stop());

  /** What becomes of the first packet of a connection from p1. */
  const sent = async (dst: string, to: string): Promise<string> => {
    const family = dst.includes(':') ? 6 : 4;
    const src = family === 6 ? 'fd00:10:16::2' : '10.16.0.2';
    const ethernet = `inport == "p1.a" && eth.src == 02:00:00:00:00:01 && eth.dst == ${gateway}`;
    const packet = `${ethernet} && ip${family}.src == ${src} && ip${family}.dst == ${dst} && ip.ttl == 64 && ${to}`;
    return await ovn.trace('ovn-default', packet, 'trk,new');
  };

  it.each([
    ['TCP', '10.96.0.10', 'tcp.dst == 80', 'backends=10.16.0.2:8080,10.16.0.3:8080'],
    ['UDP', '10.96.0.10', 'udp.dst == 53', 'backends=10.16.0.2:5353,10.16.0.3:5353'],
    ['SCTP', '10.96.0.10', 'sctp.dst == 5060', 'backends=10.16.0.2:5061,10.16.0.3:5061'],
    ['TCP over IPv6', 'fd00:96::10', 'tcp.dst == 80', 'backends=[fd00:10:16::2]:8080,[fd00:10:16::3]:8080'],
    ['the address of a rule', '10.16.0.80', 'tcp.dst == 80', 'backends=10.16.0.2:8080,10.16.0.3:8080'],
  ])('balances %s', async (_, vip, to, backends) => {
    expect(await flows(vip, to.split('.')[0] ?? '')).toContain(backends);
    expect(await sent(vip, to)).toMatch(/output\("p[12]\.a"\)/);
  });

  const flows = async (vip: string, protocol: string): Promise<string> => {
    const all = await ovn.sb.dump('Logical_Flow');
    return all
      .filter(({ match }) => typeof match === 'string' && match.includes(`dst == ${vip} && ${protocol}`))
      .map(({ actions }) => String(actions))
      .join('\n');
  };

  it('refuses where there is no backend', async () => {
    expect(await flows('10.96.0.11', 'tcp')).toContain('reject');
  });

  it('remembers the clients of a Service with affinity, for its time', async () => {
    const all = await ovn.sb.dump('Logical_Flow');
    const learned = all.filter(({ actions }) => String(actions).includes('commit_lb_aff(vip = "10.96.0.12:80"'));
    expect(learned.length).toBeGreaterThan(0);
    for (const { actions } of learned) expect(String(actions)).toContain('timeout = 10800');
  });

  it('asks the chassis who is there, where clients stay on their node', async () => {
    const all = await ovn.sb.dump('Logical_Flow');
    const variables = await ovn.sb.dump('Chassis_Template_Var');
    const behind = /ct_lb(?:_mark)?\(backends=\^(kl\w+)/;
    const named = all.flatMap(({ actions }) => behind.exec(String(actions))?.[1] ?? []);
    expect(new Set(named).size).toBe(2);
    const values = (of: string): string[] =>
      variables
        .filter(({ chassis: name }) => name === of)
        .flatMap((row) => Object.values(row['variables'] as Record<string, string>))
        .sort();
    expect(values('first')).toEqual(['10.16.0.2:8080', '[fd00:10:16::2]:8080', 'fd00:96::13']);
    expect(values('second')).toEqual(['10.16.0.3:8080', '[fd00:10:16::3]:8080', 'fd00:96::13']);
  });

  it('asks the backends of a rule whether they are there', async () => {
    const monitors = await ovn.sb.dump('Service_Monitor');
    const shown = monitors.map(({ ip, port, logical_port: lsp, src_ip: from }) => [ip, port, lsp, from].join(' '));
    expect(shown.sort()).toEqual(['10.16.0.2 8080 p1.a 10.16.0.200', '10.16.0.3 8080 p2.a 10.16.0.200']);
  });

  it('tracks nothing on a switch without balancers, and complains of nothing', async () => {
    const ethernet = `inport == "q1.a" && eth.src == 02:00:00:00:00:03`;
    const dst = `eth.dst == ${wanted.macOf('ovn-cluster-quiet')} && ip4.src == 10.17.0.2 && ip4.dst == 10.96.0.10`;
    expect(await ovn.trace('quiet', `${ethernet} && ${dst} && ip.ttl == 64 && tcp.dst == 80`)).not.toContain('ct_lb');
    expect(await ovn.complaints()).toEqual([]);
  });
});
