// The suite: every area of RFC 7047 and of ovsdb-server(7), the same for every server.
import { describe } from 'vitest';
import { conditions } from './condition.suite.ts';
import { dataTypes } from './data.suite.ts';
import { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { execution } from './execution.suite.ts';
import { locks } from './lock.suite.ts';
import { monitors } from './monitor.suite.ts';
import { mutations } from './mutation.suite.ts';
import { properties } from './property.suite.ts';
import { references } from './reference.suite.ts';
import { restarts } from './restart.suite.ts';

export function conformance(environment: Environment): void {
  describe(`conformance of ${environment.name}`, () => {
    const db = new Database(environment);
    dataTypes(db);
    conditions(db);
    mutations(db);
    execution(db);
    references(db);
    monitors(db);
    locks(db);
    properties(db);
  });
  restarts(environment);
}
