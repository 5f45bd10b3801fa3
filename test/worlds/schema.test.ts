// Every row and member that a scenario wants is one that the schema of OVN 25.03 and the list of our keys allow: what
// the differ would refuse is found here, without a database.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { faultOf } from '../../lib/delta/fault.ts';
import { shapesOf } from '../../lib/delta/shape.ts';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { parseSchema } from '../../lib/ovsdb/index.ts';
import { owns } from '../../operator/nb/owns.ts';
import { factsOf, feed, start } from './process.ts';
import { scenario } from './scenario.ts';

const schema = parseSchema(
  JSON.parse(readFileSync(join(import.meta.dirname, '../../operator/nb/ovn-nb.ovsschema'), 'utf8')),
);
const rules = { owns, shapes: shapesOf(schema), monitored: () => true };
const files = globSync(join(import.meta.dirname, '*.world')).sort();

it.each(files.map((file) => [basename(file, '.world'), file]))('%s', (_, file) => {
  const process = start();
  for (const { changes } of scenario(readFileSync(file, 'utf8')).steps) {
    feed(process, changes);
    const facts = factsOf(process, 'rows') as (RowFact | MemberFact)[];
    expect(facts.map((fact) => faultOf(rules, fact)).filter((fault) => fault !== undefined)).toEqual([]);
    // A row has one owner and one place.
    const rows = facts.filter((fact) => 'row' in fact).map(({ id }) => id);
    expect(new Set(rows).size).toBe(rows.length);
  }
});
