// The product's side: a session, with or without a copy.
import { Session } from '../../lib/ovsdb/index.ts';
import type { Replica } from '../../lib/ovsdb/index.ts';
import { DATABASE, TABLES } from './scene.ts';

export interface Product {
  readonly session: Session;
  readonly replica: Replica | undefined;
  /** Resolves with the next `ready`, and with whether the copy was continued. */
  readonly next: () => Promise<boolean>;
}

/** A started session; `copy` also copies the tables of the scene. */
export function product(remote: string, copy: boolean): Product {
  let waiting = Promise.withResolvers<boolean>();
  const done = (continued: boolean): void => {
    waiting.resolve(continued);
    waiting = Promise.withResolvers();
  };
  const session = new Session({
    remotes: [remote],
    database: DATABASE,
    leaderOnly: true,
    observe: (state) => {
      if (!copy && state === 'ready') done(false);
    },
  });
  const replica = copy ? session.monitor({ tables: TABLES }, { changed: () => undefined, synced: done }) : undefined;
  return { session, replica, next: async () => await waiting.promise };
}
