// Events that Kube-OVN writes about subnets beside problems: that one is ready, as an IPPool is, and that it leaves the
// cluster another way. A change is told by whoever saw the subnet before it.
import { textOf } from './api/json.ts';
import type { Ref } from './api/fact.ts';
import { subnetRef } from './api/refs.ts';
import type { Meta, SubnetRow } from './api/tables.ts';
import type { EventNote } from './kube/events.ts';

/** The ways out of a subnet, as its spec has them. */
interface Ways {
  readonly type: string;
  readonly node: string;
  /** By which node it leaves now, as its status has it. */
  readonly active: string;
}

const waysOf = ({ spec, activeGateway }: SubnetRow): Ways => ({
  type: textOf(spec['gatewayType']),
  node: textOf(spec['gatewayNode']),
  active: activeGateway,
});

/** The objects of each kind whose readiness is told. */
type Rows = Readonly<Record<string, (name: string) => { readonly meta: Pick<Meta, 'uid'> } | undefined>>;

/** What takes the events. */
interface Events {
  record(note: EventNote): void;
}

export class SubnetNotes {
  readonly #events: Events;
  readonly #rows: Rows;
  readonly #seen = new Map<string, Ways>();

  constructor(events: Events, rows: Rows) {
    this.#events = events;
    this.#rows = rows;
  }

  /** An object's condition Ready has become True for this reason. */
  ready(ref: Ref, reason: string): void {
    if (ref.kind in this.#rows) this.#note(ref, reason, `${ref.kind.toLowerCase()} ${ref.name} is ready`);
  }

  /** A subnet as it is now. */
  changed(name: string, row: SubnetRow | undefined): void {
    const before = this.#seen.get(name);
    if (!row) {
      this.#seen.delete(name);
      return;
    }
    const now = waysOf(row);
    this.#seen.set(name, now);
    if (before !== undefined) this.#compare(name, before, now);
  }

  #compare(name: string, before: Ways, now: Ways): void {
    const ref = subnetRef(name);
    // What is filled in by us is no change.
    if (before.type !== '' && before.type !== now.type) {
      const text = `subnet gateway type changes from "${before.type}" to "${now.type}"`;
      this.#note(ref, 'SubnetGatewayTypeChanged', text);
    }
    if (before.type === 'centralized' && now.type === 'distributed')
      this.#note(ref, 'ChangeToDistributedGw', `pods of subnet ${name} leave by their own nodes`);
    if (before.node !== now.node)
      this.#note(ref, 'SubnetGatewayNodeChanged', `gateway node changes from "${before.node}" to "${now.node}"`);
    if (before.active !== now.active && now.active !== '')
      this.#note(ref, 'ReconcileCentralizedGatewaySuccess', `subnet ${name} leaves by node ${now.active}`);
  }

  #note(ref: Ref, reason: string, message: string): void {
    const uid = this.#rows[ref.kind]?.(ref.name)?.meta.uid;
    const about = uid === undefined ? ref : { ...ref, uid };
    this.#events.record({ about, type: 'Normal', reason, message });
  }
}
