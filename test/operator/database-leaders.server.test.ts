// Real raft clusters of both databases: who leads is known, through a kill and a transfer.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dial } from '../../lib/ovsdb/index.ts';
import type { CentralRow } from '../../operator/api/tables.ts';
import { DatabaseLeaders } from '../../operator/database-leaders.ts';
import { eventually } from '../eventually.ts';
import { startCluster, type OvsdbCluster, type OvsdbServer } from '../ovsdb-server.ts';

const hosts = ['192.0.2.1', '192.0.2.2', '2001:db8::3'];
const rows: CentralRow[] = hosts.map((hostIp, index) => ({ pod: `central-${index}`, hostIp, ready: true }));
const at = (port: number): string[] => [`tcp:192.0.2.1:${port}`, `tcp:192.0.2.2:${port}`, `tcp:[2001:db8::3]:${port}`];
const remotes = { nb: at(6641), sb: at(6642) };

let nb: OvsdbCluster;
let sb: OvsdbCluster;
let leaders: DatabaseLeaders;
let changes = 0;

beforeAll(async () => {
  [nb, sb] = await Promise.all([startCluster(), startCluster({ schema: '/usr/share/ovn/ovn-sb.ovsschema' })]);
  leaders = new DatabaseLeaders({
    random: () => 0.5,
    onChange: () => (changes += 1),
    // The members' addresses are made up; their servers listen on sockets.
    dial: (remote, tls, signal) => {
      const { members } = remote.endsWith(':6641') ? nb : sb;
      const index = hosts.findIndex((host) => remote.includes(host));
      return dial(members[index]?.remote ?? remote, tls, signal);
    },
  });
  leaders.setRemotes(remotes);
  leaders.start();
});
afterAll(async () => {
  leaders.stop();
  await Promise.all([nb.stop(), sb.stop()]);
});

const podOf = (cluster: OvsdbCluster, server: OvsdbServer): string => `central-${cluster.members.indexOf(server)}`;
const settled = async (): Promise<void> => {
  const wanted = { nb: podOf(nb, await nb.leader()), sb: podOf(sb, await sb.leader()) };
  await eventually(() => JSON.stringify(leaders.among(rows)) === JSON.stringify(wanted), {
    what: JSON.stringify(wanted),
  });
};

it('knows the leader of each database, and the next one', async () => {
  await settled();
  const before = changes;
  expect(before).toBe(2);
  await (await nb.leader()).kill();
  await settled();
  const old = await sb.leader();
  await old.appctl('cluster/failure-test', 'transfer-leadership');
  await eventually(async () => !(await old.leads()));
  await settled();
  expect(changes).toBeGreaterThanOrEqual(before + 2);
});

it('names only members that there are, and asks nobody when there is one', async () => {
  await settled();
  const { sb: leading } = leaders.among(rows);
  expect(leaders.among(rows.filter(({ pod }) => pod !== leading)).sb).toBeUndefined();
  leaders.setRemotes({ nb: remotes.nb.slice(0, 1), sb: remotes.sb.slice(0, 1) });
  expect(leaders.among(rows)).toEqual({});
});
