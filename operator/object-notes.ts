// Events of Kube-OVN beside problems, of all kinds together: what is wired where they are found.
import type { Owner } from '../lib/delta/fact.ts';
import type { Graph } from '../lib/graph/graph.ts';
import type { Indexes, Tables } from './api/tables.ts';
import type { EventRecorder } from './kube/events.ts';
import { PodNotes } from './pod-notes.ts';
import { SubnetNotes } from './subnet-notes.ts';
import { follow } from './taps.ts';
import type { World } from './world.ts';

export class ObjectNotes {
  readonly pods: PodNotes;
  readonly subnets: SubnetNotes;

  /** `world` is asked for when there is something to tell. */
  constructor(events: EventRecorder, world: () => World, applied: (owner: Owner) => boolean) {
    this.pods = new PodNotes({
      events,
      applied,
      demand: (ip) => world().demand.get(ip),
      ip: (name) => world().ip.get(name),
    });
    this.subnets = new SubnetNotes(events, {
      Subnet: (name) => world().subnet.get(name),
      IPPool: (name) => world().ippool.get(name),
    });
  }

  follow(graph: Graph<Tables, Indexes>, { subnet }: World): void {
    follow(graph, ['follow/gateway', subnet], (name, row) => this.subnets.changed(name, row));
  }
}
