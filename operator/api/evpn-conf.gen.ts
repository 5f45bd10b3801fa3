// Generated from crds/evpn-conf.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface EvpnConfSpec {
/**
 * Route targets that are imported and exported.
 */
routeTargets?: string[]
/**
 * The VXLAN network identifier.
 */
vni?: number
}
