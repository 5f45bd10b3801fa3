#!/bin/bash
# Probe of ovn-central. `alive`: the three programs answer on their control sockets. Without it also: they do their work, which in
# a cluster means that this member knows a leader.
set -euo pipefail

run=/run/ovn
ask() { ovs-appctl --timeout=5 -t "$run/$1.ctl" "${@:2}" 2>/dev/null; }

for name in ovnnb_db ovnsb_db; do ask "$name" version >/dev/null; done
status=$(ask ovn-northd status)
[[ ${1:-} != alive ]] || exit 0

[[ $status == *active* || $status == *standby* ]]
[[ ${NODE_IPS:-} == *,* ]] || exit 0
for pair in ovnnb_db:OVN_Northbound ovnsb_db:OVN_Southbound; do
  status=$(ask "${pair%%:*}" cluster/status "${pair#*:}")
  [[ $status == *"Status: cluster member"* && $status == *"Leader: "* && $status != *"Leader: unknown"* ]]
done
