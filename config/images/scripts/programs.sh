# Sourced by the start scripts: programs that run side by side in one container. Each is a child in the foreground, so that its
# log is the container's and its end is noticed at once.
#
#   launch NAME COMMAND...   starts a child under a name
#   ended                    waits for the next child to end; its name is then in $ended_name, its status in $ended_status
#   finish NAME              SIGTERM, SIGKILL after 5 s; nothing when it does not run

declare -A pid_of=() name_of=()

say() { printf '%(%Y-%m-%dT%H:%M:%SZ)T|%s|%s\n' -1 "$(basename "$0")" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Options of OVS programs: log to standard error with the program's name, not to files or syslog.
log_options=(-vconsole:"${OVS_LOG_LEVEL:-info}" -vsyslog:off -vfile:off
  -vPATTERN:console:'%D{%Y-%m-%dT%H:%M:%S.###Z}|%A|%c%T|%p|%m')

# Options of OVS programs that speak TLS, empty without it.
tls_options=()
transport=tcp
if [[ ${ENABLE_SSL:-false} == true ]]; then
  transport=ssl
  tls_options=(--private-key=/var/run/tls/key --certificate=/var/run/tls/cert --ca-cert=/var/run/tls/cacert)
fi

# Whatever goes wrong in a script, nothing of it may go on without supervision. A child that has just been forked can lose a SIGTERM
# (it still has the handlers of bash), so its end is waited for.
finish_all() {
  local name
  for name in "${!pid_of[@]}"; do finish "$name"; done
}
trap finish_all EXIT

launch() {
  local name=$1
  shift
  "$@" &
  pid_of[$name]=$!
  name_of[$!]=$name
}

ended() {
  local pid= each
  ended_status=0
  # `wait -n` does not tell of a child that ended while another command was in the foreground.
  for each in "${!name_of[@]}"; do
    kill -0 "$each" 2>/dev/null || pid=$each
  done
  if [[ -n $pid ]]; then
    wait "$pid" || ended_status=$?
  else
    # Not only a child's end but also a trapped signal ends it; then there is no pid and the caller looks again.
    wait -n -p pid "${!name_of[@]}" || ended_status=$?
  fi
  ended_name=${pid:+${name_of[$pid]}}
  [[ -z $pid ]] || unset "name_of[$pid]" "pid_of[$ended_name]"
}

finish() {
  local pid=${pid_of[$1]:-}
  [[ -n $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || true
  gone "$pid" 50 || kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  unset "name_of[$pid]" "pid_of[$1]"
}

# Whether a process ends within so many tenths of a second.
gone() {
  local left
  for ((left = $2; left > 0; left--)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# Waits until NAME listens on a socket; fails when NAME ends first or 10 s have passed.
listening() {
  local name=$1 socket=$2 left
  for ((left = 200; left > 0; left--)); do
    [[ ! -S $socket ]] || return 0
    kill -0 "${pid_of[$name]}" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# Asks the program NAME, which has just been started, by its control socket: ovsdb-server makes that one last, and until then there is
# none or a dead one of a former life. Fails when NAME ends first or 10 s have passed.
ask_new() {
  local name=$1 socket=$2 left
  for ((left = 200; left > 0; left--)); do
    ! ovs-appctl --timeout=5 -t "$socket" "${@:3}" 2>/dev/null || return 0
    kill -0 "${pid_of[$name]}" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# The control socket RUN/NAME.ctl under the second name that `ovs-appctl -t NAME` looks for.
alias_control() {
  local run=$1 name=$2 pid=$3
  rm -f "$run/$name".[0-9]*.ctl
  ln -sf "$name.ctl" "$run/$name.$pid.ctl"
}

# Makes a standalone database file, or brings an old one to the schema of this image.
standalone_database() {
  local file=$1 schema=$2
  mkdir -p "$(dirname "$file")"
  if [[ ! -s $file ]]; then
    rm -f "$file"
    ovsdb-tool create "$file" "$schema"
  elif [[ $(ovsdb-tool needs-conversion "$file" "$schema") == yes ]]; then
    say "converting $file from schema $(ovsdb-tool db-version "$file") to $(ovsdb-tool schema-version "$schema")"
    cp "$file" "$file.$(ovsdb-tool db-version "$file").backup"
    ovsdb-tool convert "$file" "$schema"
  fi
}
