#!/bin/bash
# One member of OVN's control plane: the northbound and southbound ovsdb-server and ovn-northd. They live and die together: when
# one ends, the container ends, and the kubelet starts it again. Never removes a database.
#
#   POD_IP                    what other members call this one (the node's address: the pod is on the host network)
#   POD_IPS                   where the databases listen, comma-separated: the node's addresses of all families; unset: POD_IP
#   NODE_IPS                  all members, comma-separated; unset or one: a standalone database, several: raft
#   ENABLE_SSL                true: TLS with /var/run/tls/{key,cert,cacert}
#   OVN_NORTHD_N_THREADS      threads of ovn-northd (1)
#   OVN_NORTHD_PROBE_INTERVAL, OVN_DB_PROBE_INTERVAL, OVN_ELECTION_TIMER   milliseconds
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/programs.sh"

: "${POD_IP:?the address of the node}"
run=/run/ovn
IFS=, read -ra members <<<"${NODE_IPS:-$POD_IP}"
IFS=, read -ra addresses <<<"${POD_IPS:-$POD_IP}"

# [2001:db8::1] for an address with colons.
bracketed() { if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi; }

# Remotes of all members for a port: tcp:192.0.2.1:6641,tcp:192.0.2.2:6641.
remotes() {
  local list= member
  for member in "${members[@]}"; do
    list+=,$transport:$(bracketed "$member"):$1
  done
  echo "${list#,}"
}

# Whether to found a cluster of this database: succeeds when another member, and so a majority together with this one, says that
# it waits for a cluster to join; fails when another member has one, in quorum or not. Waits until one of the two is known: a first
# member that lost its disk must not found a second cluster while the others are still starting.
may_found() {
  local database=$1 port=$2 member answer query waiting said=
  query='["_Server",{"op":"select","table":"Database","columns":["index"],
    "where":[["name","==","'$database'"],["model","==","clustered"]]}]'
  while :; do
    waiting=1
    for member in "${members[@]}"; do
      [[ $member != "$POD_IP" ]] || continue
      answer=$(timeout 3 ovsdb-client --no-leader-only "${tls_options[@]}" query \
        "$transport:$(bracketed "$member"):$port" "$query" 2>/dev/null) || continue
      # A member that is still joining has no index yet.
      [[ $answer != *'"index":'[0-9]* ]] || return 1
      [[ $answer != *'"index":["set",[]]'* ]] || ((waiting += 1))
    done
    ((2 * waiting <= ${#members[@]})) || return 0
    [[ -n $said ]] || say "waiting for other members to say whether there is a cluster of $database"
    said=yes
    sleep 0.3
  done
}

# A file that belongs to a cluster, or one that is about to found or join it. The first of the members founds.
raft_database() {
  local file=$1 schema=$2 database=$3 port=$4 local_address other addresses=()
  mkdir -p "$(dirname "$file")"
  if [[ -s $file ]]; then
    ovsdb-tool db-is-clustered "$file" || die "$file is of a single member; to go on as a cluster: ovsdb-tool create-cluster"
    return
  fi
  rm -f "$file"
  # Members talk to each other two ports above the clients' (6643 and 6644).
  local_address=$transport:$(bracketed "$POD_IP"):$((port + 2))
  if [[ $POD_IP == "${members[0]}" ]] && may_found "$database" "$port"; then
    say "founding the cluster of $database"
    ovsdb-tool --election-timer="${OVN_ELECTION_TIMER:-2000}" create-cluster "$file" "$schema" "$local_address"
    return
  fi
  for other in "${members[@]}"; do
    [[ $other == "$POD_IP" ]] || addresses+=("$transport:$(bracketed "$other"):$((port + 2))")
  done
  say "joining the cluster of $database"
  ovsdb-tool join-cluster "$file" "$database" "$local_address" "${addresses[@]}"
}

# serve nb|sb DATABASE SCHEMA PORT TABLE
serve() {
  local name=ovn$1_db database=$2 schema=$3 port=$4 table=$5
  local file=/etc/ovn/$name.db config=$run/$name.json address clients=
  if ((${#members[@]} > 1)); then
    raft_database "$file" "$schema" "$database" "$port"
  else
    if [[ -s $file ]] && ovsdb-tool db-is-clustered "$file"; then
      die "$file is of a cluster; to go on with one member: ovsdb-tool cluster-to-standalone"
    fi
    standalone_database "$file" "$schema"
  fi
  for address in "${addresses[@]}"; do
    clients+="\"p$transport:$port:$(bracketed "$address")\": { \"inactivity-probe\": ${OVN_DB_PROBE_INTERVAL:-180000} }, "
  done
  # A file and not the Connection table says where to listen: that table is shared by all members, addresses are each one's own.
  cat >"$config" <<JSON
{ "remotes": { "punix:$run/$name.sock": {},
               $clients
               "db:$database,$table,connections": {} },
  "databases": { "$file": {} } }
JSON
  rm -f "$run/$name.sock"
  launch "$name" ovsdb-server --config-file="$config" --unixctl="$run/$name.ctl" --pidfile="$run/$name.pid" \
    "${log_options[@]}" "${tls_options[@]}"
}

# The two global rows, before anybody relies on them: ovn-controller of 25.03 can crash on a southbound database without one.
# In a cluster this waits until the member has joined.
prepare_rows() {
  local probe=${OVN_DB_PROBE_INTERVAL:-180000}
  if ((${#members[@]} > 1)); then
    ovsdb-client --timeout=600 wait "unix:$run/ovnnb_db.sock" OVN_Northbound connected
    ovsdb-client --timeout=600 wait "unix:$run/ovnsb_db.sock" OVN_Southbound connected
  fi
  ovn-nbctl --no-leader-only --timeout=60 init -- set NB_Global . options:inactivity_probe="$probe" \
    options:northd_probe_interval="${OVN_NORTHD_PROBE_INTERVAL:-5000}"
  ovn-sbctl --no-leader-only --timeout=60 init
  if ((${#members[@]} > 1)); then
    forget_predecessor OVN_Northbound nb 6643
    forget_predecessor OVN_Southbound sb 6644
    # A new schema reaches a cluster through its leader, once for all members.
    upgrade_cluster OVN_Northbound nb ovn-nb
    upgrade_cluster OVN_Southbound sb ovn-sb
  fi
}

# A member that lost its disk joined anew under another id; its old id would count in every vote for ever.
forget_predecessor() {
  local control=$run/ovn$2_db.ctl own server rest
  own="at $transport:$(bracketed "$POD_IP"):$3)"
  ovs-appctl -t "$control" cluster/status "$1" | sed -n '/^Servers:/,$p' | { grep -F "$own" || true; } |
    while read -r server rest; do
      [[ $rest != *"(self)"* ]] || continue
      say "removing $server, which this member was before, from $1"
      ovs-appctl -t "$control" cluster/kick "$1" "$server" || true
    done
}

upgrade_cluster() {
  local server=unix:$run/ovn$2_db.sock schema=/usr/share/ovn/$3.ovsschema
  if ovs-appctl -t "$run/ovn$2_db.ctl" cluster/status "$1" | grep -q '^Role: leader' &&
    [[ $(ovsdb-client needs-conversion "$server" "$schema") == yes ]]; then
    ovsdb-client --timeout=60 convert "$server" "$schema"
  fi
}

start_northd() {
  local nb=unix:$run/ovnnb_db.sock sb=unix:$run/ovnsb_db.sock
  if ((${#members[@]} > 1)); then
    nb=$(remotes 6641) sb=$(remotes 6642)
  fi
  launch ovn-northd ovn-northd --ovnnb-db="$nb" --ovnsb-db="$sb" --n-threads="${OVN_NORTHD_N_THREADS:-1}" \
    --unixctl="$run/ovn-northd.ctl" --pidfile="$run/ovn-northd.pid" "${log_options[@]}" "${tls_options[@]}"
  alias_control "$run" ovn-northd "${pid_of[ovn-northd]}"
}

# Ends when northd should be started anew: it had both databases, lacks one for 3 s, and this member knows who leads them. After a
# leader's death the client inside northd waits 1, 2, 4 and 8 s between members that do not lead yet, and no pod gets its flows; a
# new process asks all of them at once.
watch_northd() {
  local had= left=3 nb sb
  while sleep 1; do
    nb=$(ovs-appctl --timeout=5 -t "$run/ovn-northd.ctl" nb-connection-status 2>/dev/null) || continue
    sb=$(ovs-appctl --timeout=5 -t "$run/ovn-northd.ctl" sb-connection-status 2>/dev/null) || continue
    if [[ $nb == connected && $sb == connected ]]; then
      had=yes left=3
    elif [[ -n $had ]] && leaders_known; then
      ((left -= 1)) || return 0
    fi
  done
}

leaders_known() {
  local pair status
  for pair in ovnnb_db:OVN_Northbound ovnsb_db:OVN_Southbound; do
    status=$(ovs-appctl --timeout=5 -t "$run/${pair%%:*}.ctl" cluster/status "${pair#*:}" 2>/dev/null) || return 1
    [[ $status == *"Leader: "* && $status != *"Leader: unknown"* ]] || return 1
  done
}

# northd first, so that it does not complain; a database that exits by command hands its leadership over.
stop_all() {
  finish prepare
  finish watch_northd
  finish ovn-northd
  local name
  for name in ovnsb_db ovnnb_db; do
    timeout 3 ovs-appctl -t "$run/$name.ctl" exit 2>/dev/null || true
    finish "$name"
  done
}

stop() {
  say "stopping"
  stop_all
  exit 0
}

mkdir -p "$run"
if ((${#members[@]} > 1)) && [[ ,$NODE_IPS, != *,$POD_IP,* ]]; then
  die "this node ($POD_IP) is not one of the members ($NODE_IPS)"
fi
trap stop TERM INT

serve nb OVN_Northbound /usr/share/ovn/ovn-nb.ovsschema 6641 NB_Global
serve sb OVN_Southbound /usr/share/ovn/ovn-sb.ovsschema 6642 SB_Global
for name in ovnnb_db ovnsb_db; do
  listening "$name" "$run/$name.sock" || die "$name did not start"
  ask_new "$name" "$run/$name.ctl" ovsdb-server/memory-trim-on-compaction on || die "$name does not answer"
done
launch prepare prepare_rows

while ended; do
  case $ended_name in
    '') ;;
    prepare)
      ((ended_status == 0)) || break
      start_northd
      ((${#members[@]} == 1)) || launch watch_northd watch_northd
      ;;
    watch_northd)
      ((ended_status == 0)) || break
      say "starting ovn-northd anew: it does not find the leaders"
      finish ovn-northd
      start_northd
      launch watch_northd watch_northd
      ;;
    *) break ;;
  esac
done
say "$ended_name ended with status $ended_status"
stop_all
exit 1
