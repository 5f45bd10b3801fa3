// The way of one packet through the logical network: by which ports, and what was asked at each. Drawn for a packet to
// another switch:
//
//   a -> [from-lport | load balancing | from-lport after it] -> [to-lport] -> router -> [..] -> [to-lport] -> c
//        `---------- at port a of its switch ---------------'  `- router's port -'      `---- the other switch ----'
import type { Ip } from '../../lib/net/index.ts';
import type { Tracking, Judgement } from './judge.ts';
import type { Backend, Vip } from './load-balancer.ts';
import type { Stage } from './rule.ts';
import type { Port } from './topology.ts';

export type Step =
  | {
      readonly kind: 'rules';
      readonly stage: Stage;
      /** Name of the logical switch. */
      readonly switch: string;
      /** Name of the port where it happens. */
      readonly port: string;
      readonly tracking: Tracking;
      readonly judgement: Judgement;
    }
  | {
      readonly kind: 'load-balancing';
      readonly switch: string;
      readonly vip: Vip;
      /** undefined when there is none. */
      readonly backend?: Backend;
      /** The source that a backend sees that has reached itself: what comes after load balancing is then not asked. */
      readonly hairpin?: Ip;
    };

/** How the way ends. */
export type End =
  | { readonly kind: 'delivered'; readonly port: Port }
  /** To an address that no port has: by a router or a physical network. */
  | { readonly kind: 'left'; readonly port: Port }
  /** Answered by OVN itself. */
  | { readonly kind: 'answered'; readonly by: 'DHCP' }
  | { readonly kind: 'dropped' | 'rejected' }
  | { readonly kind: 'no-backend' }
  | { readonly kind: 'disabled'; readonly port: Port }
  /** Nothing leads there, as far as connected networks tell. */
  | { readonly kind: 'no-route'; readonly why: string };

export interface Course {
  readonly steps: readonly Step[];
  readonly end: End;
}

export const arrives = ({ end }: Course): boolean =>
  end.kind === 'delivered' || end.kind === 'left' || end.kind === 'answered';
