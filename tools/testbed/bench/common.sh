# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# common.sh - what the cases of bench-daemon share
#
# A run puts up a testbed, starts the daemon on host 1 if its way has one, lets
# guests leave host 1 for host 2 and looks at what came of it. end_run takes
# all of it away again, whatever has happened. Variables of bench-daemon:
# $testbed, $vmferry, $vmferryd, $logs of this run, $figures, $cut_off.
# shellcheck disable=SC2154

DAEMON='' HELPERS=()

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

tb() { "$testbed" --quiet "$@"; }
uri() { echo "qemu+tcp://10.77.0.$1/system"; }
now() { date +%s.%N; }

# figure NAME VALUE: of the run under way
figure() { figures+="${figures:+ }$1=${2//[ ,]/_}"; }

# calc EXPRESSION [NAME=VALUE]...: by awk, with three decimals at most
calc() {
    local expression=$1 options=()

    shift
    for word in "$@"; do
        options+=(-v "$word")
    done
    awk "${options[@]}" "BEGIN { x = $expression; printf \"%.3f\", x }"
}

# await SECONDS WHAT COMMAND...: until it succeeds; the run is void otherwise
await() {
    local until=$((SECONDS + $1)) what=$2 limit=$1

    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || die "$what: not within $limit s"
        sleep 0.1
    done
}

# guest NAME [OPTION...]: on host 1
guest() {
    tb guest "$1" --host 1 "${@:2}" </dev/null
}

# beside COMMAND...: until the end of the run
beside() {
    "$@" &
    HELPERS+=($!)
}

# daemon_configure CAPACITY LINE...
daemon_configure() {
    {
        printf '%s\n' '[daemon]' mode=enforce "records=$logs/records" \
            "journal=$logs/journal.db" history=none log=debug \
            '[link mig0]' "capacity=$1"
        printf '%s\n' "${@:2}"
    } >"$logs/vmferry.conf"
}

# daemon_run: in this process's place
daemon_run() {
    exec "$testbed" exec 1 "$vmferryd" --config "$logs/vmferry.conf" \
        2>>"$logs/daemon.log"
}

# daemon_start CAPACITY [LINE...]: on host 1, and it watches
daemon_start() {
    daemon_configure "$@"
    : >"$logs/daemon.log"
    daemon_run &
    DAEMON=$!
    await 20 "vmferryd watches" grep -q 'watching the migrations' \
        "$logs/daemon.log"
}

daemon_stop() {
    [ -n "$DAEMON" ] || return 0
    kill -TERM "$DAEMON" 2>/dev/null || true
    wait "$DAEMON" 2>/dev/null || true
    DAEMON=
}

# status_json: the daemon's own words
status_json() {
    tb exec 1 "$vmferry" status --json 2>/dev/null
}

# record GUEST FILTER: of its newest record; empty if there is none
record() {
    local file

    file=$(grep -l "\"name\":\"$1\"" "$logs"/records/2*.json 2>/dev/null |
        tail -n 1) || true
    [ -z "$file" ] || jq -r "$2" "$file"
}

record_ended() { [ -n "$(record "$1" '.outcome.status // ""')" ]; }

# classes: of ours on host 1's uplink
classes() {
    tb exec 1 tc class show dev mig0 | grep -c 'class htb 7666:' || true
}

no_classes() { [ "$(classes)" = 0 ]; }

# virsh_migrate GUEST [FLAG...]: to host 2, cut off at $cut_off seconds. Leaves
# BEGAN and ENDED (epoch), MIGRATED (completed, cut-off, failed).
virsh_migrate() {
    local status=0 name=$1

    shift
    BEGAN=$(now)
    timeout --signal=KILL "$cut_off" "$testbed" virsh 1 \
        migrate --live "$@" "$name" "$(uri 2)" >"$logs/virsh-$name" 2>&1 ||
        status=$?
    ENDED=$(now)
    case $status in
    0) MIGRATED=completed ;;
    124 | 137) MIGRATED=cut-off ;;
    *) MIGRATED=failed ;;
    esac
}

# migrated GUEST [FLAG...]: as above, and its figures
migrated() {
    virsh_migrate "$@"
    [ "$MIGRATED" != failed ] ||
        die "virsh migrate $*: $(tail -n 2 "$logs/virsh-$1")"
    figure status "$MIGRATED"
    if [ "$MIGRATED" = cut-off ]; then
        figure total_s "$cut_off"
    else
        figure total_s "$(calc 'b - a' a="$BEGAN" b="$ENDED")"
        DOWNTIME_MS=$(tb virsh 2 domjobinfo --completed --keep-completed \
            --rawstats "$1" | awk '/^ *downtime:/ { print $2 }')
        figure downtime_ms "$DOWNTIME_MS"
    fi
}

# end_run: nothing is left of it but its logs
end_run() {
    local pid

    for pid in "${HELPERS[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    HELPERS=()
    daemon_stop
    tb down --keep-logs "${logs:-$work}/testbed"
}
