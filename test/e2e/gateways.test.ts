/** How traffic of pods leaves the cluster, and what becomes of it when a gateway fails. */
import { gatewayCases } from './gateways.suite.ts';
import { cluster } from './shared.ts';

gatewayCases(cluster, 'dual');
