// Whether the tunnel interface may be taken into a bridge, which the userspace datapath needs.
import { tunnelLink } from './desired.ts';
import { parseIpJson } from './drivers/batch.ts';
import type { Run } from './run.ts';
import type { NodeState } from './state.ts';

/** Routes other than the kernel's own over the tunnel interface would be lost with its addresses. */
export async function leadsElsewhere(state: NodeState, run: Run): Promise<boolean> {
  const nic = tunnelLink(state);
  const { settings } = state;
  if (settings.datapathType !== 'netdev' || settings.iface === '' || nic === undefined) return false;
  const routes = await Promise.all(
    ['-4', '-6'].map((family) => run(['ip', '-j', family, 'route', 'show', 'table', 'main', 'dev', nic.name])),
  );
  return routes.flatMap(parseIpJson).some((route) => route['protocol'] !== 'kernel');
}
