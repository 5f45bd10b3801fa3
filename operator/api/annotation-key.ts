// Names of the annotations of one network: the provider is their prefix.

const ofDefault = new Map<string, string>();

/** `ovn.kubernetes.io/ip_address` for provider `ovn`. Those of the default network, which every pod has, are made once. */
export function annotationKey(provider: string, suffix: string): string {
  if (provider !== 'ovn') return `${provider}.kubernetes.io/${suffix}`;
  let key = ofDefault.get(suffix);
  if (key === undefined) {
    key = `ovn.kubernetes.io/${suffix}`;
    ofDefault.set(suffix, key);
  }
  return key;
}
