// The plan of a node with many subnets, gateways of every kind among them.
import { node, port, subnet } from '../../test/agent/samples.ts';

const hex = (at: number, digits: number): string => at.toString(16).padStart(digits, '0');

/** Further fields of subnet `at`: of every ten, some leave by gateway nodes, some have NAT rules, one a router outside. */
function ways(at: number): Parameters<typeof subnet>[0] {
  const cidr = `10.${64 + Math.floor(at / 250)}.${at % 250}`;
  const gatewayNodes = ['n1', 'n2', 'n3'].map((name, index) => ({
    name,
    joinAddresses: [`100.64.0.${index + 2}`],
    egressIps: at % 10 === 1 ? [`192.0.2.${100 + index}`] : [],
  }));
  switch (at % 10) {
    case 0:
    case 1:
      return { gatewayType: 'centralized', gatewayNodes };
    case 2:
    case 3:
      return {
        natRules: [
          { id: hex(2 * at, 12), action: 'nat', sources: [`${cidr}.0/30`], targets: ['203.0.113.0/24'] },
          { id: hex(2 * at + 1, 12), action: 'forward', sources: [`${cidr}.8/30`, `${cidr}.16/30`], targets: [] },
        ],
      };
    case 4:
      return {
        natOutgoing: false,
        externalEgress: { gateways: ['192.0.2.254'], table: 1000 + at, priority: 1000 + at },
      };
    default:
      return {};
  }
}

/** Items by their keys. */
export function gatewayPlan(subnets: number): Record<string, object> {
  const items: Record<string, object> = { 'node/n1': node({ internalIps: ['192.0.2.11', '2001:db8::11'] }) };
  for (let at = 1; at <= 20; at += 1)
    items[`peer/n${at}`] = { kind: 'peer', name: `n${at}`, internalIps: [`192.0.2.${10 + at}`] };
  for (let at = 0; at < subnets; at += 1) {
    const third = `${64 + Math.floor(at / 250)}.${at % 250}`;
    const name = `subnet-${at}`;
    const cidrs = [`10.${third}.0/24`, `fd00:10:${hex(at + 1, 1)}::/64`];
    items[`subnet/${name}`] = subnet({ name, uid: `uid-${hex(at, 12)}`, cidrs, gateways: [], ...ways(at) });
    if (at % 10 === 4) items[`port/ns/p${at}/ovn`] = port({ subnet: name, addresses: [`10.${third}.5/24`] });
  }
  return items;
}
