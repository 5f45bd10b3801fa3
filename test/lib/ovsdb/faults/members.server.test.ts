// Who leads, through relays that keep back what a member says: a claim that comes late, and a leader that is not heard.
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Members, dial } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { startCluster } from '../../../ovsdb-server.ts';
import type { OvsdbCluster, OvsdbServer } from '../../../ovsdb-server.ts';
import { Interposer } from '../interposer.ts';
import { live } from '../live.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Relayed {
  readonly cluster: OvsdbCluster;
  readonly relays: ReadonlyMap<OvsdbServer, Interposer>;
  readonly remotes: readonly string[];
  relay(member: OvsdbServer): Interposer;
}

async function relayed(): Promise<Relayed> {
  const cluster = await startCluster();
  ends.push(async () => await cluster.stop());
  const relays = new Map<OvsdbServer, Interposer>();
  for (const member of cluster.members) {
    const path = join(member.directory, `${member.name}-relayed.sock`);
    const relay = await Interposer.listen(path, member.remote.slice('unix:'.length));
    ends.push(() => relay.close());
    relays.set(member, relay);
  }
  const relay = (member: OvsdbServer): Interposer => relays.get(member)!;
  return { cluster, relays, relay, remotes: [...relays.values()].map(({ remote }) => remote) };
}

async function transfer({ cluster }: Relayed): Promise<OvsdbServer> {
  const from = await cluster.leader();
  await from.appctl('cluster/failure-test', 'transfer-leadership');
  return await eventually(async () => {
    const to = await cluster.leader();
    return to === from ? undefined : to;
  });
}

describe('the members of a cluster', () => {
  it('are heard each over one connection, and name their leader', async () => {
    const at = await relayed();
    const members = new Members({ database: 'OVN_Northbound', changed: () => undefined });
    ends.push(() => members.stop());
    members.setRemotes(at.remotes);
    members.start();
    const first = await at.cluster.leader();
    await eventually(() => members.leader === at.relay(first).remote);
    const others = at.cluster.members.filter((member) => member !== first);
    expect(others.map((member) => members.follows(at.relay(member).remote))).toEqual([true, true]);
    expect(members.follows(at.relay(first).remote)).toBe(false);
    expect([...at.relays.values()].map(({ connections }) => connections)).toEqual([1, 1, 1]);
    const second = await transfer(at);
    await eventually(() => members.leader === at.relay(second).remote);
    await second.kill();
    await eventually(() => members.leader !== at.relay(second).remote && members.leader !== undefined);
    expect(members.follows(at.relay(second).remote)).toBe(false);
    const [kept, ...gone] = at.remotes;
    members.setRemotes([kept!]);
    expect(gone.map((remote) => members.follows(remote))).toEqual([false, false]);
    members.stop();
    expect(members.leader).toBeUndefined();
  });

  it('are not believed when a claim comes late', async () => {
    const at = await relayed();
    const named: (string | undefined)[] = [];
    const members: Members = new Members({ database: 'OVN_Northbound', changed: () => named.push(members.leader) });
    ends.push(() => members.stop());
    members.setRemotes(at.remotes);
    members.start();
    const first = await at.cluster.leader();
    await eventually(() => members.leader === at.relay(first).remote);
    await eventually(() => at.remotes.filter((remote) => members.follows(remote)).length === 2);
    const others = at.cluster.members.filter((member) => member !== first);
    for (const member of others) at.relay(member).hold();
    // The second leader is not heard until the third one is.
    const second = await transfer(at);
    for (const member of others) if (member !== second) at.relay(member).release();
    const third = await transfer(at);
    await eventually(() => members.leader === at.relay(third).remote);
    at.relay(second).release();
    // The answers come behind what was kept back.
    const cid = (await first.appctl('cluster/cid', first.database)).trim();
    members.ask();
    expect(members.mayHave(cid, 1)).toBe(true);
    await eventually(() => !members.mayHave(cid, Number.MAX_SAFE_INTEGER));
    expect(members.mayHave(cid, 1)).toBe(true);
    expect(members.follows(at.relay(second).remote)).toBe(true);
    expect(members.leader).toBe(at.relay(third).remote);
    expect(named).not.toContain(at.relay(second).remote);
  });
});

describe('a session', () => {
  it('leaves a leader that is not heard any more when another member leads, and is back through it', async () => {
    const at = await relayed();
    const it_ = live({ remotes: at.remotes, leaderOnly: true, tables: { Logical_Switch: ['name'] } });
    ends.push(async () => await it_.session.stop());
    await it_.ready();
    const first = await at.cluster.leader();
    expect(it_.session.remote).toBe(at.relay(first).remote);
    at.relay(first).hold();
    const second = await transfer(at);
    await eventually(() => it_.session.state === 'ready' && it_.session.remote === at.relay(second).remote);
    expect(it_.lost).toEqual([`another member leads: ${at.relay(second).remote}`]);
    await it_.session.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
    expect(await second.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
  });

  it('holds one connection to each remote and one more, whatever happens to the members', async () => {
    const at = await relayed();
    const open = new Set<Duplex>();
    let most = 0;
    const it_ = live({
      remotes: at.cluster.remotes,
      leaderOnly: true,
      tables: { Logical_Switch: ['name'] },
      longestPause: 50,
      dial: async (remote, tls, signal) => {
        const stream = await dial(remote, tls, signal);
        open.add(stream);
        most = Math.max(most, open.size);
        stream.on('close', () => open.delete(stream));
        return stream;
      },
    });
    ends.push(async () => await it_.session.stop());
    for (let round = 0; round < 2; round += 1) {
      const leader = await at.cluster.leader();
      await eventually(() => it_.session.state === 'ready' && it_.session.remote === leader.remote);
      await leader.kill();
      await at.cluster.leader();
      await leader.start();
      await leader.connected();
    }
    await it_.ready();
    await eventually(() => open.size === 4);
    // A stream that was ended is counted until its close is told.
    expect(most).toBeLessThanOrEqual(5);
    await it_.session.stop();
    await eventually(() => open.size === 0);
  });
});
