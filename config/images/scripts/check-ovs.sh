#!/bin/bash
# Probe of ovs-ovn. `alive`: the database and the switch answer. Without it also: ovn-controller is connected to the southbound
# database, so that the node follows what the cluster wants.
set -euo pipefail

ask() { ovs-appctl --timeout=5 -t "$1" "${@:2}" 2>/dev/null; }

ask /run/openvswitch/ovsdb-server.ctl version >/dev/null
ask /run/openvswitch/ovs-vswitchd.ctl version >/dev/null
[[ ${1:-} != alive ]] || exit 0
[[ $(ask /run/ovn/ovn-controller.ctl connection-status) == connected ]]
