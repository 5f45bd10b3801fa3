#!/bin/bash
# Puts the CNI plugins into the node's plugin folder (default /opt/cni/bin): ours; loopback and portmap, which containerd and
# our conflist call; and macvlan, for second interfaces beside the cluster's network, with addresses of ours. Each appears by
# rename, so that a plugin is never half-written or "text file busy" while pods start.
set -euo pipefail

bin=${1:-/opt/cni/bin}
home=$(dirname "$(dirname "$(readlink -f "$0")")")

for plugin in "$home/cni/kube-ovn" /usr/lib/cni/loopback /usr/lib/cni/portmap /usr/lib/cni/macvlan; do
  name=$(basename "$plugin")
  # Unchanged plugins are left alone: their inode may be in use.
  cmp -s "$plugin" "$bin/$name" && continue
  install -m 755 "$plugin" "$bin/.$name.new"
  mv -f "$bin/.$name.new" "$bin/$name"
  echo "installed $bin/$name"
done
