#!/bin/bash
# Process 1 of the control plane, in network, pid, mount and uts namespaces of its own: the bridges of the cluster's networks,
# etcd, the API server and, when that answers, controller manager and scheduler. It sees the machine's files (certificates,
# logs), but etcd comes from the nodes' root filesystem.
#
# From control-plane.ts: CP_DIR, LOWERS, KUBE_DIR, LOG_DIR, ADDRESSES, ROUTES (one per line), and *.args files with one argument
# per line.
set -eu
ROOT=$CP_DIR/root

mount --make-rprivate /
mount -t proc proc /proc
hostname control-plane
mkdir -p "$ROOT" "$CP_DIR/etcd"
chmod 700 "$CP_DIR/etcd"
mount -t overlay overlay -o "lowerdir=$LOWERS" "$ROOT"
mount --bind "$CP_DIR/etcd" "$ROOT/mnt"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"

ip -batch - << NETWORK
link set lo up
link add cluster type bridge
link add underlay type bridge
link add tunnels type bridge
link set cluster up
link set underlay up
link set tunnels up
NETWORK
for address in $ADDRESSES; do
  # Nobody else has it, and nobody waits until that is known.
  if [[ $address == *:* ]]; then flags=nodad; else flags=; fi
  ip address add "$address" dev cluster $flags
done
# The API server's proxy asks pods, and webhooks are Services: both by the first node, which needn't be there yet.
ip -batch - <<< "$(sed 's/^/route add /' <<< "$ROUTES")"
touch "$CP_DIR/network.ready"

keep() {
  local name=$1
  shift
  while :; do
    "$@" >> "$LOG_DIR/$name.log" 2>&1 || true
    echo "$(date +%FT%T) $name ended" >> "$LOG_DIR/restarts.log"
    sleep 0.3
  done
}
kube() {
  local program=$1 args
  mapfile -t args < "$CP_DIR/$program.args"
  keep "$program" "$KUBE_DIR/$program" "${args[@]}"
}
mapfile -t ETCD < "$CP_DIR/etcd.args"
keep etcd chroot "$ROOT" /usr/bin/etcd "${ETCD[@]}" &
kube kube-apiserver &
mapfile -t FORWARD < "$CP_DIR/forward.args"
keep forward "${FORWARD[@]}" &

# Before its bootstrap RBAC exists the API server refuses these two, and they end: not an error, but seconds lost.
ready() {
  [ "$("$KUBE_DIR/kubectl" --kubeconfig="$CP_DIR/admin.conf" --request-timeout=2s get --raw /readyz 2> /dev/null)" = ok ]
}
for ((i = 0; i < 600; i++)); do
  if ready; then break; fi
  sleep 0.1
done
kube kube-controller-manager &
kube kube-scheduler &
while :; do
  wait || true
  sleep 1
done
