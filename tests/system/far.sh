# far.sh - a cluster that only its login node can reach.  Sourced after lib.sh.
#
# A network namespace with an sshd, and in it a broker and a Redis that listen
# on its own 127.0.0.1 under names that mean nothing outside.  Needs root.
#
#   far_open        namespace, addresses, names, keys, sshd; sets
#                     FAR_NS    the namespace
#                     FAR_URL   ssh://root@ADDRESS:PORT of the login node
#                     FAR_HOME  a HOME whose .ssh reaches it
#                     FAR_STATE its PILOT_HOME there
#                   1: it cannot be had here
#   far_services    start them; sets FAR_BROKER, FAR_PARAMS (with names of the
#                   far side) and FAR_PASSWORD_FILE
#   far_in CMD...   run a command in the namespace
#   far_sshd        start its sshd again after far_kill_sshd
#   far_forward TO  a port of the login node's outer address that leads to
#                   port TO of its 127.0.0.1, as where a site opens one;
#                   prints ADDRESS:PORT
#   far_close       end and remove all of it; called at exit

FAR_NS=pilot-$$
FAR_ID=$(($$ % 250 + 1))
while [ -e "/sys/class/net/pe$FAR_ID-out" ]; do # another script's
    FAR_ID=$((FAR_ID % 250 + 1))
done
FAR_ADDRESS=10.213.$FAR_ID.2
FAR_PORT=2222
FAR_DIR=$TEST_DIR/far
FAR_HOME=$FAR_DIR/home
FAR_STATE=$FAR_DIR/state
FAR_URL=ssh://root@$FAR_ADDRESS:$FAR_PORT
far_pids=

far_in() { ip netns exec "$FAR_NS" "$@"; }

# Every process in the namespace, whoever started it.
far_end() {
    for pid in $(ip netns pids "$FAR_NS" 2>/dev/null); do
        kill -KILL "$pid" 2>/dev/null
    done
}

far_close() {
    [ -e "/run/netns/$FAR_NS" ] || return 0
    [ ! -e "$FAR_DIR/services/env" ] ||
        far_in "$SRC/scripts/services" stop --dir "$FAR_DIR/services" \
            >/dev/null 2>&1
    far_end
    wait_for 10 far_is_empty
    ip netns delete "$FAR_NS"
    rm -rf "/etc/netns/$FAR_NS"
}
far_is_empty() { [ -z "$(ip netns pids "$FAR_NS" 2>/dev/null)" ]; }
at_end far_close

# Names that `ip netns exec` puts in the place of /etc/hosts.
far_names() {
    mkdir -p "/etc/netns/$FAR_NS" &&
        printf '127.0.0.1 localhost kafka.cluster redis.cluster\n' \
            >"/etc/netns/$FAR_NS/hosts"
}

far_network() {
    ip netns add "$FAR_NS" 2>/dev/null &&
        ip link add "pe$FAR_ID-out" type veth peer name "pe$FAR_ID-in" \
            netns "$FAR_NS" 2>/dev/null &&
        ip addr add "10.213.$FAR_ID.1/30" dev "pe$FAR_ID-out" &&
        ip link set "pe$FAR_ID-out" up &&
        far_in ip addr add "$FAR_ADDRESS/30" dev "pe$FAR_ID-in" &&
        far_in ip link set "pe$FAR_ID-in" up &&
        far_in ip link set lo up
}

far_keys() {
    umask 077
    mkdir -p "$FAR_HOME/.ssh" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$FAR_DIR/host_key" &&
        ssh-keygen -q -t ed25519 -N '' -f "$FAR_HOME/.ssh/id_ed25519" &&
        cp "$FAR_HOME/.ssh/id_ed25519.pub" "$FAR_DIR/authorized_keys" &&
        echo "[$FAR_ADDRESS]:$FAR_PORT $(cat "$FAR_DIR/host_key.pub")" \
            >"$FAR_HOME/.ssh/known_hosts"
    cat >"$FAR_DIR/sshd_config" <<X
Port $FAR_PORT
ListenAddress $FAR_ADDRESS
HostKey $FAR_DIR/host_key
AuthorizedKeysFile $FAR_DIR/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
SetEnv PILOT_HOME=$FAR_STATE
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
X
    # An OpenSSH since 9.8 refuses a whole host after a few failures.
    cp "$FAR_DIR/sshd_config" "$FAR_DIR/no_penalties"
    echo 'PerSourcePenalties no' >>"$FAR_DIR/no_penalties"
    if "$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)" -t \
        -f "$FAR_DIR/no_penalties" 2>/dev/null; then
        mv "$FAR_DIR/no_penalties" "$FAR_DIR/sshd_config"
    fi
}

far_answers() { (exec 3<>"/dev/tcp/$FAR_ADDRESS/$FAR_PORT") 2>/dev/null; }

far_sshd() {
    far_in "$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)" -D \
        -f "$FAR_DIR/sshd_config" -E "$FAR_DIR/sshd.log" </dev/null &
    far_pids="$far_pids $!"
    wait_for 10 far_answers
}

# The server and its sessions, at once.
far_kill_sshd() {
    for pid in $(ip netns pids "$FAR_NS"); do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in
        sshd*) kill -KILL "$pid" 2>/dev/null ;;
        esac
    done
    # shellcheck disable=SC2086
    wait $far_pids 2>/dev/null
    far_pids=
}

far_open() {
    [ "$(id -u)" -eq 0 ] || return 1
    PATH=$PATH:/usr/sbin:/sbin command -v ip sshd ssh-keygen >/dev/null ||
        return 1
    mkdir -p "$FAR_DIR"
    far_network && far_names && far_keys && far_sshd
}

far_services() {
    far_in "$SRC/scripts/services" start --dir "$FAR_DIR/services" >&2 ||
        return 1
    # shellcheck disable=SC1091
    read -r FAR_BROKER FAR_PARAMS FAR_PASSWORD_FILE <<X
$(. "$FAR_DIR/services/env" && echo "kafka.cluster:${PILOT_BROKER##*:}" \
        "redis://redis.cluster:${PILOT_PARAMS##*:}" "$PILOT_PASSWORD_FILE")
X
    [ -n "$FAR_PASSWORD_FILE" ]
}

far_forward() {
    far_in ssh -q -f -N -o BatchMode=yes -o ExitOnForwardFailure=yes \
        -o UserKnownHostsFile="$FAR_HOME/.ssh/known_hosts" \
        -i "$FAR_HOME/.ssh/id_ed25519" -p "$FAR_PORT" \
        -L "$FAR_ADDRESS:$(($1 + 10000)):127.0.0.1:$1" "root@$FAR_ADDRESS" \
        </dev/null >/dev/null || return 1
    echo "$FAR_ADDRESS:$(($1 + 10000))"
}
