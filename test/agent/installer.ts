// Stands in for ovn-controller on a node of server tests: what becomes a port of the integration bridge is marked installed
// at once.
import { Session } from '../../lib/ovsdb/session.ts';
import { CONTAINER, MONITORED, OvsReplica, mapOf } from '../../agent/drivers/ovs-replica.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

/** Marks interfaces of pods as they appear; ends with `stop`. */
export function installing(database: string): { stop: () => Promise<void> } {
  const session = new Session({ remotes: [database], database: 'Open_vSwitch', log: silent });
  const replica = new OvsReplica();
  replica.onChange((changes) => {
    const made = changes.flatMap(({ table, uuid, old, new: now }) => {
      const ids = mapOf(now, 'external_ids');
      return table === 'Interface' && old === undefined && ids.has(CONTAINER) && !ids.has('ovn-installed')
        ? [uuid]
        : [];
    });
    if (made.length === 0) return;
    const operations = made.map((uuid) => ({
      op: 'mutate' as const,
      table: 'Interface',
      where: [['_uuid', '==', uuid] as const],
      mutations: [['external_ids', 'insert', new Map([['ovn-installed', 'true']])] as const],
    }));
    // A port may go before it is marked; its row is then nobody's.
    session.transact(operations).catch(() => undefined);
  });
  session.monitor({ tables: MONITORED }, replica);
  session.start();
  return { stop: () => session.stop() };
}
