import { conformance } from './conformance.suite.ts';
import { trixie35 } from './environment.ts';

conformance(trixie35);
