// Rows of DHCP: what the responder of a logical switch tells the ports that name the row.
import { rowId } from '../../../lib/delta/ids.ts';
import type { Owner, RowFact, RowId } from '../../../lib/delta/fact.ts';
import type { Family } from './address-set.ts';
import { map, row } from './row.ts';

export interface Dhcp {
  readonly owner: Owner;
  readonly subnet: string;
  readonly family: Family;
  readonly cidr: string;
  readonly options: Readonly<Record<string, string>>;
  /** Name of the one port that it is for; absent for those of a whole subnet. */
  readonly port?: string;
}

const protocol = (family: Family): string => `IPv${family}`;

const nameOf = (family: Family, port: string | undefined): string =>
  port === undefined ? protocol(family) : `${protocol(family)}/${port}`;

/** Id of the row that a subnet, or a pod for one of its ports, has for a family. */
export const dhcpId = (owner: Owner, family: Family, port?: string): RowId =>
  rowId(owner, 'DHCP_Options', nameOf(family, port));

export const dhcpRow = ({ owner, subnet, family, cidr, options, port }: Dhcp): RowFact =>
  row('DHCP_Options', {
    owner,
    name: nameOf(family, port),
    columns: { cidr, options: map(options) },
    external: { ls: subnet, protocol: protocol(family), ...(port !== undefined && { port }) },
  });
