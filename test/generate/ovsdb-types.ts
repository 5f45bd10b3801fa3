// Types of the OVSDB databases that the product works with, from pinned schemas: Debian trixie's ovn-common 25.03.0-1
// (/usr/share/ovn/ovn-nb.ovsschema) and openvswitch-common 3.5.0-1 (/usr/share/openvswitch/vswitch.ovsschema; that of the
// database `_Server` as its ovsdb-server states it).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaTypes } from '../../lib/ovsdb/codegen.ts';
import { parseSchema } from '../../lib/ovsdb/schema.ts';
import type { Generated } from './crd-types.ts';

const root = join(import.meta.dirname, '../..');

const schemas = [
  { schema: 'operator/nb/ovn-nb.ovsschema', output: 'operator/nb/schema.gen.ts' },
  { schema: 'agent/drivers/vswitch.ovsschema', output: 'agent/drivers/vswitch.gen.ts' },
  { schema: 'lib/ovsdb/server.ovsschema', output: 'lib/ovsdb/server.gen.ts' },
];

/** One module per pinned schema. */
export const ovsdbTypes = (): Generated[] =>
  schemas.map(({ schema, output }) => ({
    output,
    generate: async () => schemaTypes(parseSchema(JSON.parse(await readFile(join(root, schema), 'utf8')))),
  }));
