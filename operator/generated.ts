// Objects that exist only because something wanted them: what a process before this one made, and nobody wants any more.
import type { Applier } from './kube/applier.ts';
import { NotFoundError } from './kube/errors.ts';
import { resources } from './kube/resources.ts';

/** Kinds of which there are such objects. */
const kinds = [
  resources.OvnEip,
  resources.DNSNameResolver,
  resources.Service,
  resources.Endpoints,
  resources.Vip,
  resources.Deployment,
];

interface Task {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Removes them, once per leader: when one leads, all that is wanted is known. */
export const pruning = (applier: Applier): Task => ({
  name: 'prune generated objects',
  run: async () => {
    for (const kind of kinds) {
      try {
        await applier.prune([kind]);
      } catch (error) {
        // A cluster with Kube-OVN's CRDs of another release does not know all kinds.
        if (!(error instanceof NotFoundError)) throw error;
      }
    }
  },
});
