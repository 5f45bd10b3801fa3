// Sessions of BFD: a router's port watches whether somebody beside it is alive.
import type { Owner, RowFact } from '../../../lib/delta/fact.ts';
import { row } from './row.ts';

export interface BfdSession {
  readonly owner: Owner;
  /** Name of the router's port. */
  readonly port: string;
  /** Address of who is watched. */
  readonly peer: string;
}

/** Kube-OVN's intervals in ms, and how many lost packets make a neighbour dead. */
const [least, lost] = [100, 3];

export const bfdSession = ({ owner, port, peer }: BfdSession): RowFact =>
  row('BFD', {
    owner,
    name: `${port} ${peer}`,
    columns: {
      logical_port: port,
      dst_ip: peer,
      min_tx: new Set([least]),
      min_rx: new Set([least]),
      detect_mult: new Set([lost]),
    },
  });
