import { conformance } from './conformance.suite.ts';
import { raft35 } from './environment.ts';

conformance(raft35);
