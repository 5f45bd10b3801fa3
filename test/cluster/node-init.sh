#!/bin/bash
# Process 1 of a node, in network, pid, mount, uts, ipc and cgroup namespaces of its own. Builds the node's root filesystem,
# moves into it, waits for its NICs and keeps containerd, kubelet and kube-proxy running. When it dies, the node is gone.
#
# From node.ts: NODE (name), NODE_DIR, LOWERS (overlay lowers), KUBE_DIR (the Kubernetes binary and its links), LOG_DIR.
set -eu
ROOT=$NODE_DIR/root

# Usage: within SECONDS COMMAND...
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS >= end)); then
      echo "gave up waiting for: $*"
      return 1
    fi
    sleep 0.02
  done
}

mount_cgroups_v1() {
  local list directory options part
  mount -t tmpfs -o mode=755 tmpfs "$ROOT/sys/fs/cgroup"
  while IFS=: read -r _ list _; do
    case $list in
      '') continue ;;
      name=*) directory=${list#name=} options=none,$list ;;
      *) directory=$list options=$list ;;
    esac
    mkdir "$ROOT/sys/fs/cgroup/$directory"
    mount -t cgroup -o "$options" cgroup "$ROOT/sys/fs/cgroup/$directory"
    for part in ${directory//,/ }; do
      [ -e "$ROOT/sys/fs/cgroup/$part" ] || ln -s "$directory" "$ROOT/sys/fs/cgroup/$part"
    done
  done < /proc/self/cgroup
  mkdir "$ROOT/sys/fs/cgroup/unified"
  mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup/unified" || rmdir "$ROOT/sys/fs/cgroup/unified"
}

# With one hierarchy only, a cgroup that delegates controllers may hold no process itself: process 1 goes to a leaf, and
# node.ts takes the launcher (our parent, outside) away at the same time.
mount_cgroups_v2() {
  mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
  mkdir -p "$ROOT/sys/fs/cgroup/init"
  echo 0 > "$ROOT/sys/fs/cgroup/init/cgroup.procs"
  local controller
  for controller in $(cat "$ROOT/sys/fs/cgroup/cgroup.controllers"); do
    within 10 delegate "$controller"
  done
}
delegate() { echo "+$1" > "$ROOT/sys/fs/cgroup/cgroup.subtree_control"; }

mount_devices() {
  local device
  mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
  mkdir -p "$ROOT"/dev/{pts,shm,net,mqueue}
  for device in null zero full random urandom tty kmsg net/tun; do
    [ -e "/dev/$device" ] || continue
    touch "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
  done
  mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$ROOT/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
  mount -t mqueue mqueue "$ROOT/dev/mqueue"
  ln -s pts/ptmx "$ROOT/dev/ptmx"
  ln -s /proc/self/fd "$ROOT/dev/fd"
  ln -s /proc/self/fd/0 "$ROOT/dev/stdin"
  ln -s /proc/self/fd/1 "$ROOT/dev/stdout"
  ln -s /proc/self/fd/2 "$ROOT/dev/stderr"
}

# containerd's snapshotter can't work on an overlay, hence real directories for what it and kubelet write.
mount_state() {
  local program
  mount --bind "$NODE_DIR/kubelet" "$ROOT/var/lib/kubelet"
  mount --bind "$NODE_DIR/containerd" "$ROOT/var/lib/containerd"
  mount --bind "$LOG_DIR" "$ROOT/var/log"
  mkdir -p "$ROOT/var/log/pods" "$ROOT/var/log/containers"
  for program in kubelet kubectl kube-proxy; do
    touch "$ROOT/usr/local/bin/$program"
    mount --bind "$KUBE_DIR/kube" "$ROOT/usr/local/bin/$program"
  done
}

identity() {
  cp -r "$NODE_DIR/kubernetes/." "$ROOT/etc/kubernetes/"
  echo "$NODE" > "$ROOT/etc/hostname"
  cp "$NODE_DIR/kubernetes/hosts" "$ROOT/etc/hosts"
  cp "$NODE_DIR/kubernetes/resolv.conf" "$ROOT/etc/resolv.conf"
  [ -s "$ROOT/etc/machine-id" ] || tr -d - < /proc/sys/kernel/random/uuid > "$ROOT/etc/machine-id"
}

hostname "$NODE"
mount --make-rprivate /
mkdir -p "$NODE_DIR"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=$LOWERS,upperdir=$NODE_DIR/upper,workdir=$NODE_DIR/work" "$ROOT"
mkdir -p "$ROOT"/{proc,sys,dev,run,tmp,mnt,opt/cni/bin,etc/cni/net.d,etc/kubernetes,usr/local/bin}
mkdir -p "$ROOT"/var/{lib/kubelet,lib/containerd,log}
mount -t proc proc "$ROOT/proc"
mount -t sysfs sysfs "$ROOT/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount_cgroups_v2; else mount_cgroups_v1; fi
mount_devices
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mkdir -p "$ROOT"/run/{lock,netns,containerd}
mount_state
identity
cd "$ROOT"
pivot_root . mnt
umount -l /mnt
# As systemd does it: what pods mount with Bidirectional propagation is seen here, and what is mounted here by them.
mount --make-rshared /
ip link set lo up
sysctl -eqw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0

touch /run/node.ready
within 60 test -e /run/network.ready

keep() {
  local name=$1
  shift
  while :; do
    "$@" >> "/var/log/$name.log" 2>&1 || true
    echo "$(date +%FT%T) $name ended" >> /var/log/restarts.log
    sleep 0.3
  done
}
keep containerd containerd -c /etc/kubernetes/containerd.toml &
within 60 test -S /run/containerd/containerd.sock
keep kubelet kubelet --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/etc/kubernetes/kubelet.conf \
  --hostname-override="$NODE" --node-ip="$NODE_IP" --v=2 &
keep kube-proxy kube-proxy --config=/etc/kubernetes/kube-proxy.yaml --v=1 &
touch /run/node.up
# Process 1 also inherits the orphans of its namespace; bash reaps them while it waits.
while :; do
  wait || true
  sleep 1
done
