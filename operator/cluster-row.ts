// The one row of table `cluster`: what the settings say and what only the API server knows of the cluster as a whole.
import type { Cluster, RangeSetting } from './api/tables.ts';
import type { Settings } from './settings.ts';

const range = (cidrBlock: string, gateway: string, excludeIps: string): RangeSetting => ({
  cidrBlock,
  gateway,
  excludeIps,
});

const ethernetMtu = 1500;

/** Bytes that each encapsulation takes, as Kube-OVN reckons them. */
const encapsulation: Readonly<Record<Settings['networkType'], number>> = { geneve: 100, vxlan: 50, stt: 72 };

const list = (text: string): string[] => text.split(',').filter((part) => part !== '');
const text = (parts: readonly string[]): string => parts.join(',');

/** `salt` is the UID of namespace kube-system; `apiServer` the addresses by which pods reach the API server. */
export function clusterRow(settings: Settings, salt: string, apiServer: readonly string[]): Cluster {
  return {
    salt,
    apiServer,
    defaultVpc: settings.defaultVpc,
    defaultSubnet: settings.defaultSubnet,
    joinSubnet: settings.joinSubnet,
    externalSubnet: settings.externalSubnet,
    serviceCidrs: list(settings.serviceCidrs),
    enableLb: settings.enableLb,
    serviceLbLayout: settings.serviceLbLayout,
    preferLocal: settings.preferLocal,
    enableLbSvc: settings.enableLbSvc,
    enableNp: settings.enableNp,
    npEnforcement: settings.npEnforcement,
    enableAnp: settings.enableAnp,
    enableDnsNameResolver: settings.enableDnsNameResolver,
    keepVmIp: settings.keepVmIp,
    nonPrimary: settings.nonPrimary,
    overlayMtu: ethernetMtu - encapsulation[settings.networkType],
    podNicType: settings.podNicType,
    defaultRange: range(settings.defaultCidr, text(settings.defaultGateway), text(settings.defaultExcludeIps)),
    joinRange: range(settings.joinCidr, text(settings.joinGateway), ''),
    southbound: { scheme: settings.enableSsl ? 'ssl' : 'tcp', port: settings.southboundPort },
  };
}

/** Where ovn-central's members serve each database. IPv6 addresses get their brackets. */
export function databaseRemotes(hosts: readonly string[], settings: Settings): Record<'nb' | 'sb', string[]> {
  const scheme = settings.enableSsl ? 'ssl' : 'tcp';
  const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
  const all = [...new Set(hosts)].sort().map(bracketed);
  const at = (port: number): string[] => all.map((host) => `${scheme}:${host}:${port}`);
  return { nb: at(settings.northboundPort), sb: at(settings.southboundPort) };
}
