// Generated from crds/bgp-conf.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface BgpConfSpec {
/**
 * Connect retry timer (duration text) put into the FRR neighbour config.
 */
connectTime?: string
/**
 * Allow eBGP peers that are not directly connected.
 */
ebgpMultiHop?: boolean
/**
 * BGP graceful restart (RFC 4724).
 */
gracefulRestart?: boolean
/**
 * Hold time (duration text).
 */
holdTime?: string
/**
 * Keepalive interval (duration text).
 */
keepaliveTime?: string
/**
 * The AS number of the gateways.
 */
localASN?: number
/**
 * Peer addresses.
 */
neighbours?: string[]
/**
 * TCP MD5 password (RFC 2385).
 */
password?: string
/**
 * AS number of the peers.
 */
peerASN?: number
/**
 * BGP router id; pod address when empty.
 */
routerId?: string
}
