// The check of matches beside OVN's own reading of them: what is refused here, OVN cannot read either.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readable, unreadable } from '../operator/api/matches.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';

const failed = 'parsing expression failed';

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  /** ovn-trace of OVN 23.03 says nothing of what it cannot read. */
  let tells: boolean;

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.nbctl('ls-add', 'sw', '--', 'lsp-add', 'sw', 'p', '--', 'lsp-set-addresses', 'p', '02:00:00:00:00:01');
    await ovn.settled();
    tells = (await saysOf('(')) !== '';
  });
  afterAll(() => ovn.stop());

  /** What OVN says of a flow with this match. */
  async function saysOf(match: string): Promise<string> {
    const [datapath] = await ovn.sb.dump('Datapath_Binding', ['_uuid']);
    const flow = { pipeline: 'ingress', table_id: 30, priority: 1, match, actions: 'next;' };
    const where = [['table_id', '==', 30]];
    await ovn.sb.transact([
      { op: 'delete', table: 'Logical_Flow', where },
      { op: 'insert', table: 'Logical_Flow', row: { ...flow, logical_datapath: ['uuid', datapath?.['_uuid']] } },
    ]);
    return await ovn.misread('sw', 'inport == "p" && eth.src == 02:00:00:00:00:01');
  }

  it.each(readable)('reads %s', async (match) => {
    expect(await saysOf(match)).not.toContain(failed);
  });

  it.each(unreadable)('cannot read %s', async (match) => {
    expect(tells ? await saysOf(match) : failed).toContain(failed);
  });
});
