import { conformance } from './conformance.suite.ts';
import { bookworm31 } from './environment.ts';

conformance(bookworm31);
