// Counts of addresses as they stand in a status, for subnets and for parts of them, which spell the fields each their way.
import type { JsonObject } from '../api/fact.ts';
import type { Usage } from '../api/tables.ts';

type Counted = 'using' | 'available' | 'usingRange' | 'availableRange';

const ofSubnet: Readonly<Record<Counted, string>> = {
  available: 'availableIPs',
  availableRange: 'availableIPrange',
  using: 'usingIPs',
  usingRange: 'usingIPrange',
};

const ofPool: Readonly<Record<Counted, string>> = {
  available: 'AvailableIPs',
  availableRange: 'AvailableIPRange',
  using: 'UsingIPs',
  usingRange: 'UsingIPRange',
};

const none = { using: 0n, available: 0n, usingRange: '', availableRange: '' };

/** Both families are always there; one that is lacking has nothing. */
function counts(families: Usage['families'], names: Readonly<Record<Counted, string>>): JsonObject {
  const fields = ([4, 6] as const).flatMap((family) => {
    const found = families.find((entry) => entry.family === family) ?? none;
    return (Object.keys(names) as Counted[]).map((key) => [`v${family}${names[key]}`, found[key]] as const);
  });
  return Object.fromEntries(fields);
}

export const subnetCounts = (families: Usage['families']): JsonObject => counts(families, ofSubnet);

export const poolCounts = (families: Usage['families']): JsonObject => counts(families, ofPool);
