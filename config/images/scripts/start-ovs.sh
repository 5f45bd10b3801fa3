#!/bin/bash
# Open vSwitch and ovn-controller of one node. Each program is started again by itself when it ends, so that the others keep what
# they know: after a crash of ovs-vswitchd a running ovn-controller fills the flow tables at once. A program that ends too often
# ends the container. Stopping leaves bridges, ports and the chassis record in place: pods keep their ports.
#
#   NODE_NAME        becomes external_ids:hostname
#   DATAPATH_TYPE    system (kernel) or netdev (userspace); system loads the kernel's module
#   ENABLE_SSL       true: TLS with /var/run/tls/{key,cert,cacert} towards the southbound database
#
# The agent, not this script, sets what depends on the cluster: ovn-remote, ovn-encap-type, ovn-encap-ip, bridge mappings.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/programs.sh"

: "${NODE_NAME:?name of this node}"
run=/run/openvswitch
ovn_run=/run/ovn
etc=/etc/openvswitch
database=unix:$run/db.sock
schema=/usr/share/openvswitch/vswitch.ovsschema

# The chassis' name must outlive the container: it is the row of this node in the southbound database.
system_id() {
  if [[ ! -s $etc/system-id.conf ]]; then
    cat /proc/sys/kernel/random/uuid >"$etc/system-id.conf.new"
    mv "$etc/system-id.conf.new" "$etc/system-id.conf"
  fi
  cat "$etc/system-id.conf"
}

# Two switches on one set of ports would fight. What is left of a predecessor gets 5 s to end.
refuse_second_switch() {
  local left
  for ((left = 10; left > 0; left--)); do
    [[ -S $run/db.sock ]] || return 0
    timeout 2 ovsdb-client list-dbs "$database" >/dev/null 2>&1 || return 0
    sleep 0.5
  done
  die "another ovsdb-server answers on $run/db.sock: stop the Open vSwitch that was installed on this node"
}

start_ovsdb() {
  rm -f "$run/db.sock"
  launch ovsdb-server ovsdb-server "$etc/conf.db" --remote="punix:$run/db.sock" \
    --remote=db:Open_vSwitch,Open_vSwitch,manager_options \
    --unixctl="$run/ovsdb-server.ctl" --pidfile="$run/ovsdb-server.pid" "${log_options[@]}"
  listening ovsdb-server "$run/db.sock" || die "ovsdb-server did not start"
  alias_control "$run" ovsdb-server "${pid_of[ovsdb-server]}"
}

configure() {
  local version
  version=$(ovs-vswitchd --version | sed -n '1s/.* //p')
  ovs-vsctl --no-wait --timeout=10 init -- set Open_vSwitch . "ovs-version=$version" \
    "db-version=$(ovsdb-tool schema-version "$schema")" \
    "external_ids:system-id=$(system_id)" "external_ids:hostname=$NODE_NAME" "external_ids:rundir=$run" \
    external_ids:ovn-remote-probe-interval=10000 external_ids:ovn-openflow-probe-interval=180 \
    external_ids:ovn-match-northd-version=true
}

start_vswitchd() {
  rm -f "$run"/*.mgmt
  launch ovs-vswitchd ovs-vswitchd "$database" --unixctl="$run/ovs-vswitchd.ctl" --pidfile="$run/ovs-vswitchd.pid" \
    "${log_options[@]}"
  alias_control "$run" ovs-vswitchd "${pid_of[ovs-vswitchd]}"
}

# Ends when ovn-controller may start. First the bridge of a former life must be back, since one refused connection to it costs
# ovn-controller a second. Then the agent must have said where the southbound database is, and that database must have its global
# row: without it, ovn-controller of 25.03 can crash at its first start.
await_southbound() {
  local left
  if ovs-vsctl --timeout=10 br-exists br-int; then
    for ((left = 200; left > 0; left--)); do
      [[ ! -S $run/br-int.mgmt ]] || break
      sleep 0.05
    done
  fi
  local remote row='["OVN_Southbound",{"op":"select","table":"SB_Global","where":[],"columns":["nb_cfg"]}]'
  # A shell that is ended does not end what it waits for, and nobody else would.
  ovs-vsctl wait-until Open_vSwitch . 'external_ids:ovn-remote!=""' &
  trap "kill $! 2>/dev/null; wait $!; exit 143" TERM
  wait $!
  trap - TERM
  while remote=$(ovs-vsctl --timeout=10 get Open_vSwitch . external_ids:ovn-remote) &&
    ! timeout 10 ovsdb-client --no-leader-only "${tls_options[@]}" query "${remote//\"/}" "$row" 2>/dev/null | grep -q nb_cfg; do
    sleep 1
  done
}

start_controller() {
  launch ovn-controller ovn-controller "$database" --unixctl="$ovn_run/ovn-controller.ctl" \
    --pidfile="$ovn_run/ovn-controller.pid" "${log_options[@]}" "${tls_options[@]}"
  alias_control "$ovn_run" ovn-controller "${pid_of[ovn-controller]}"
}

# Five ends within a minute are a fault that the kubelet should see.
ends=()
too_often() {
  ends+=("$SECONDS")
  ((${#ends[@]} >= 5 && SECONDS - ends[-5] < 60))
}

# `exit --restart` keeps the chassis and its flows; without --cleanup the switch keeps its ports.
stop_all() {
  [[ -z ${pid_of[ovn-controller]:-} ]] || timeout 3 ovn-appctl -t "$ovn_run/ovn-controller.ctl" exit --restart || true
  finish await_southbound
  finish ovn-controller
  finish ovs-vswitchd
  finish ovsdb-server
}

stop() {
  say "stopping"
  stop_all
  exit 0
}

mkdir -p "$run" "$ovn_run" "$etc"
trap stop TERM INT
refuse_second_switch
standalone_database "$etc/conf.db" "$schema"
if [[ ${DATAPATH_TYPE:-system} == system && ! -d /sys/module/openvswitch ]]; then
  modprobe openvswitch || say "the kernel module openvswitch could not be loaded"
fi
start_ovsdb
configure
start_vswitchd
launch await_southbound await_southbound

while ended; do
  if [[ $ended_name == await_southbound && $ended_status == 0 ]]; then
    start_controller
    continue
  fi
  [[ -n $ended_name ]] || continue
  say "$ended_name ended with status $ended_status"
  too_often && break
  case $ended_name in
    ovsdb-server) start_ovsdb ;;
    ovs-vswitchd) start_vswitchd ;;
    ovn-controller | await_southbound) launch await_southbound await_southbound ;;
  esac
done
say "programs end too often"
stop_all
exit 1
