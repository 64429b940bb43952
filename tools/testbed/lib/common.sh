# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# common.sh - messages, the state directory, rates
#
# A testbed is its state directory. STATE/testbed holds a token that nobody
# else has; everything that belongs to the testbed can be found by it (see
# nodes.sh), so that `down` needs no other memory of what `up` did.

# die MESSAGE...: the reason why this command failed, and how to go on
die() {
    echo "vmferry-testbed: $*" >&2
    exit 1
}

# usage_error MESSAGE...: a command line that cannot be meant
usage_error() {
    echo "vmferry-testbed: $*" >&2
    echo "vmferry-testbed: try \`vmferry-testbed ${COMMAND:+$COMMAND }--help'" >&2
    exit 2
}

# say MESSAGE...: what is going on, on stderr so that stdout stays clean
say() {
    if [ "${QUIET:-no}" = no ]; then
        echo "testbed: $*" >&2
    fi
}

# need PROGRAM PACKAGE: fail early, naming the Debian package
need() {
    command -v "$1" >/dev/null 2>&1 ||
        die "$1 is missing: apt-get install $2"
}

need_root() {
    [ "$(id -u)" = 0 ] ||
        die "namespaces and guests need root: run this with sudo"
}

# value_given "$@": complains if the option at the front has no value
value_given() {
    [ $# -ge 2 ] || usage_error "$1 needs a value"
}

# is_number WORD MIN MAX
is_number() {
    [[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3))
}

# rate_bits RATE: bit/s of a rate spelled as in tc (50mbit, 6mbps, 6MiB/s).
# A bare number is refused: virsh means MiB/s by it and tc bit/s.
rate_bits() {
    local number unit factor

    [[ ${1,,} =~ ^([0-9]+(\.[0-9]+)?)([a-z/]+)$ ]] || return 1
    number=${BASH_REMATCH[1]}
    unit=${BASH_REMATCH[3]}
    case $unit in
    bit) factor=1 ;;
    kbit) factor=1000 ;;
    mbit) factor=1000000 ;;
    gbit) factor=1000000000 ;;
    bps | b/s) factor=8 ;;
    kbps | kb/s) factor=8000 ;;
    mbps | mb/s) factor=8000000 ;;
    gbps | gb/s) factor=8000000000 ;;
    kib/s) factor=8192 ;;
    mib/s) factor=8388608 ;;
    gib/s) factor=8589934592 ;;
    *) return 1 ;;
    esac
    awk -v n="$number" -v f="$factor" 'BEGIN { printf "%.0f\n", n * f }'
}

# wait_until SECONDS COMMAND...: polls ten times a second, for things that
# tell nobody when they are ready
wait_until() {
    local deadline=$((SECONDS + $1))

    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# state_open: the state directory of a testbed that is up
state_open() {
    [ -f "$STATE/testbed" ] ||
        die "no testbed in $STATE: start one with \`vmferry-testbed up'" \
            "or name it with --state"
    # shellcheck disable=SC2034 # for nodes.sh
    TOKEN=$(<"$STATE/testbed")
    [ -f "$STATE/complete" ] ||
        die "the testbed in $STATE is half made: \`vmferry-testbed down'" \
            "removes it"
    HOSTS=$(<"$STATE/hosts")
}

# state_lock: one command at a time changes a testbed. Programs that stay
# (holders, libvirtd) must not inherit the lock: start them with 9>&-
state_lock() {
    exec 9>"$STATE/lock"
    flock -w 120 9 ||
        die "another vmferry-testbed command works on $STATE for 2 minutes" \
            "already: wait for it or end it"
    # the one before us may have removed the testbed, or made it anew
    [ "$STATE/lock" -ef /proc/self/fd/9 ] ||
        die "the testbed in $STATE was removed meanwhile"
}

# host_number WORD: 1 of 1 or host1; fails if there is no such host
host_number() {
    local number=${1#host}

    is_number "$number" 1 "$HOSTS" || return 1
    echo "$((10#$number))"
}

# node_name WORD: host1 of 1 or host1; client and switch are nodes as well
node_name() {
    local number

    case $1 in
    client | switch)
        echo "$1"
        ;;
    *)
        number=$(host_number "$1") || return 1
        echo "host$number"
        ;;
    esac
}
