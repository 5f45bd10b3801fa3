// CHECK: whether an attachment still is what its ADD has answered. The specification's considerations in order (1.1.0,
// section 2, "CHECK"): what `prevResult` lists as ours must be there; later plugins may have changed the rest.
import {
  canonicalCidr,
  canonicalMac,
  cidrOf,
  containsIp,
  formatPrefix,
  parseIp,
  parsePrefix,
} from '../../lib/net/index.ts';
import { parseIpJson } from '../drivers/batch.ts';
import type { OvsReplica } from '../drivers/ovs-replica.ts';
import { setOf } from '../drivers/ovs-replica.ts';
import type { PortSpec } from '../items.ts';
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import { interfacesOf } from './attach.ts';
import type { PrevResult } from './conf.ts';
import { CNI_CODE, CniError } from './error.ts';
import { netnsName } from './nic.ts';
import type { CniRequest } from './request.ts';

export interface CheckContext {
  readonly run: Run;
  readonly replica: OvsReplica;
}

type JsonObject = Readonly<Record<string, unknown>>;

const failed = (message: string): CniError => new CniError(CNI_CODE.checkFailed, message);
const string = (json: JsonObject | undefined, key: string): string => {
  const value = json?.[key];
  return typeof value === 'string' ? value : '';
};

export function expected({ conf }: CniRequest): PrevResult {
  if (conf.prevResult === undefined)
    throw new CniError(CNI_CODE.invalidConfig, 'CHECK needs "prevResult", the result of the ADD');
  return conf.prevResult;
}

/** The uuid of the attachment's row in Open vSwitch. */
export function checkPort({ replica }: CheckContext, { ifname, containerId }: CniRequest): string {
  const where = `interface ${ifname} of container ${containerId}`;
  const [found] = interfacesOf(replica, containerId, ifname);
  if (found === undefined) throw failed(`Open vSwitch has no ${where}`);
  const problem = [...setOf(found.row, 'error')].join();
  if (problem !== '') throw failed(`Open vSwitch on ${where}: ${problem}`);
  return found.uuid;
}

/** The plan's addresses are what the API has assigned: an IP object that was deleted meanwhile, for example. */
export function checkAssigned(port: PortSpec | undefined, previous: PrevResult): void {
  const listed = new Set(previous.ips.map((ip) => canonicalPrefix(string(ip, 'address'))));
  const missing = port?.addresses.find((address) => !listed.has(canonicalPrefix(address)));
  if (missing !== undefined) throw failed(`the pod's address is ${missing} now, which "prevResult" does not list`);
}

function canonicalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

async function ask(run: Run, netns: string, ...what: readonly string[]): Promise<readonly JsonObject[]> {
  try {
    return parseIpJson(await run(['ip', '-n', netnsName(netns), '-j', ...what]));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw failed(`looking at the namespace failed: ${error.stderr}`);
  }
}

/** The pod's end: up, with the MAC and the addresses that were answered, and the routes by them. */
export async function checkInside({ run }: CheckContext, request: CniRequest, previous: PrevResult): Promise<void> {
  const { netns, ifname } = request;
  const index = previous.interfaces.findIndex(
    (candidate) => string(candidate, 'name') === ifname && string(candidate, 'sandbox') !== '',
  );
  const listed = previous.interfaces[index];
  if (listed === undefined) throw failed(`"prevResult" lists no interface ${ifname} of the container`);
  const ips = previous.ips.filter((ip) => (ip['interface'] ?? index) === index);
  const [link] = await ask(run, netns, 'address', 'show', 'dev', ifname);
  checkLink(link, listed, ifname);
  checkAddresses(link, ips, ifname);
  const routes = await Promise.all(
    ['-4', '-6'].map((family) => ask(run, netns, family, 'route', 'show', 'table', 'main', 'dev', ifname)),
  );
  checkRoutes(new Set(routes.flatMap((table, at) => table.map((route) => routeKey(route, at === 1)))), previous, ips);
}

function checkLink(link: JsonObject | undefined, listed: JsonObject, ifname: string): void {
  const flags: unknown = link?.['flags'];
  if (!Array.isArray(flags) || !flags.includes('UP')) throw failed(`interface ${ifname} is down`);
  const [mac, wanted] = [string(link, 'address'), string(listed, 'mac')];
  if (wanted !== '' && canonicalMac(wanted) !== canonicalMac(mac))
    throw failed(`interface ${ifname} has the MAC ${mac} instead of ${wanted}`);
}

function checkAddresses(link: JsonObject | undefined, ips: readonly JsonObject[], ifname: string): void {
  const info: unknown = link?.['addr_info'];
  const present = new Set(
    (Array.isArray(info) ? (info as JsonObject[]) : []).map(
      (one) => `${string(one, 'local')}/${Number(one['prefixlen'])}`,
    ),
  );
  const missing = ips.map((ip) => canonicalPrefix(string(ip, 'address'))).find((address) => !present.has(address));
  if (missing !== undefined) throw failed(`interface ${ifname} has no address ${missing}`);
}

/** As `ip -j route` prints it: `default`, and hosts without a length. */
function routeKey(route: JsonObject, six: boolean): string {
  const dst = string(route, 'dst');
  const whole = dst === 'default' ? (six ? '::/0' : '0.0.0.0/0') : dst.includes('/') ? dst : `${dst}/${six ? 128 : 32}`;
  return `${canonicalCidr(whole) ?? whole} via ${string(route, 'gateway')}`;
}

/** Routes over our own neighbours; others are of plugins that know better. */
function checkRoutes(present: ReadonlySet<string>, { routes }: PrevResult, ips: readonly JsonObject[]): void {
  const isOurs = (gateway: string): boolean => {
    const ip = parseIp(gateway);
    return ips.some((one) => {
      const prefix = parsePrefix(string(one, 'address'));
      const within = ip !== undefined && prefix !== undefined && containsIp(cidrOf(prefix), ip);
      return within || string(one, 'gateway') === gateway;
    });
  };
  for (const route of routes.filter((one) => one['table'] === undefined && isOurs(string(one, 'gw')))) {
    const key = `${canonicalCidr(string(route, 'dst')) ?? ''} via ${string(route, 'gw')}`;
    if (!present.has(key)) throw failed(`there is no route ${key}`);
  }
}
