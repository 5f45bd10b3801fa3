// The harness itself: what it starts serves, keeps its data over a kill, and elects a leader.
import { describe, expect, it } from 'vitest';
import { startCluster, startServer } from './ovsdb-server.ts';

describe('startServer', () => {
  it('serves, and keeps its data over a kill', async () => {
    const server = await startServer();
    try {
      await server.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
      await server.kill();
      await server.start();
      expect(await server.dump('Logical_Switch', ['name', 'ports', 'external_ids'])).toEqual([
        { name: 'a', ports: [], external_ids: {} },
      ]);
      await expect(server.transact([{ op: 'insert', table: 'None', row: {} }])).rejects.toThrow('None');
    } finally {
      await server.dispose();
    }
  });
});

describe('startCluster', () => {
  it('elects another leader when one is killed', async () => {
    const cluster = await startCluster();
    try {
      const first = await cluster.leader();
      await first.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
      await first.kill();
      const second = await cluster.leader();
      expect(second).not.toBe(first);
      expect(await second.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
    } finally {
      await cluster.stop();
    }
  });
});
