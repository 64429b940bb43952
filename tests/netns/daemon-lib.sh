# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# daemon-lib.sh - what daemon*.sh share: namespaces, a daemon, its records
#
# tests/fakes/libvirt/ stands before libvirt: guests leave when the test says,
# as fast as the link lets them, and what vmferryd shapes has its effect. Where
# a real QEMU would be asked for its sockets there is none: connections are
# told by their bytes. Each script has two network namespaces of its own and a
# /run of its own, and mostly waits for guests: several may run at once.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/far.sh"

far_enter "$@"

VMFERRYD=$TEST_BUILD/controller/daemon/vmferryd
VMFERRY=$TEST_BUILD/tools/cli/vmferry
FAKE=$TEST_BUILD/tests/fakes/libfake-libvirt.so
WORK=$(mktemp -d)
LOG=$WORK/log
guest=()
flows=()
# a guest that dirties more than the link takes
# shellcheck disable=SC2034 # for the tests
hopeless="start=1,to=10.9.0.2:49152,mib=12,rate=2500,set=3000"
RECORDS=$WORK/records
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled
export VMFERRY_FAKE_LOG=$WORK/fake.log

cleanup() {
    local status=$?

    kill "${DAEMON:-}" "${SINK:-}" "${FAR:-}" "${APP:-}" "${guest[@]}" \
        "${flows[@]}" 2>/dev/null
    if [ "$status" != 0 ]; then
        sed 's/^/  | /' "$LOG" | tail -n 80
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT

mount -t tmpfs none /run
mkdir -p /run/libvirt/qemu
far_begin

# daemon_start MODE GUESTS [LINE...]: and more of its configuration, of which
# the first may be one of [daemon]
daemon_start() {
    [ -n "${VMFERRY_FAKE_STATE:-}" ] || rm -rf "$RECORDS" "$VMFERRY_FAKE_LOG"
    mkdir -p "$RECORDS"
    [ -z "${BREAKER:-}" ] || printf '%s\n' "$BREAKER" >"$RECORDS/breaker.json"
    {
        printf '[daemon]\nmode=%s\nrecords=%s\njournal=%s\nhistory=%s\n' \
            "$1" "$RECORDS" "$WORK/journal.db" "$WORK/history.db"
        printf 'log=debug\n'
        [[ ${3:-} != [a-z]*=* ]] || printf '%s\n' "$3"
        printf '[control]\nsocket=%s\n' "$VMFERRY_SOCKET"
        printf '[link near0]\ncapacity=50mbit\n'
        if [[ ${3:-} == [a-z]*=* ]]; then
            printf '%s\n' "${@:4}"
        else
            printf '%s\n' "${@:3}"
        fi
    } >"$WORK/conf"
    VMFERRY_FAKE_GUESTS=$2 LD_PRELOAD=$FAKE "$VMFERRYD" \
        --config "$WORK/conf" --run-dir "$WORK/run" 2>"$LOG" &
    DAEMON=$!
    wait_for 30 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
        bail "$(cat "$LOG")"
}

daemon_stop() {
    kill -TERM "$DAEMON"
    wait "$DAEMON"
    check_equal "it ends" 0 "$?"
    check_equal "nothing is left on the link" "" \
        "$(tc qdisc show | grep 'htb 7666:')"
    DAEMON=
}

status_of() {
    "$VMFERRY" status --json 2>/dev/null | jq -r "$1"
}

session_is() {
    [ "$(status_of ".sessions[] | select(.guest == \"$1\") | $2")" = "$3" ]
}

# record GUEST FILTER
record() {
    jq -r "$2" "$(grep -l "\"name\":\"$1\"" "$RECORDS"/2*.json | tail -n 1)"
}

records_are() {
    [ "$(find "$RECORDS" -name '2*.json' 2>/dev/null | wc -l)" = "$1" ]
}

# fake_guest WHAT [N]: one in a process of its own, of $VMFERRY_FAKE_GUESTS, in
# $VMFERRY_FAKE_STATE, which outlives daemons; ${guest[N]}, by default 1
fake_guest() {
    local n=${2:-1}

    "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" "$n" \
        "00000000-0000-4000-8000-00000000000$n" &
    guest[n]=$!
    echo $! >"/run/libvirt/qemu/vm$n.pid"
    wait_for 30 "$1: there is a host" test -s "$VMFERRY_FAKE_STATE"
}

# fake_host WHAT: no host of before, and such a guest on a new one
fake_host() {
    rm -f "$VMFERRY_FAKE_STATE" "$VMFERRY_FAKE_LOG"
    fake_guest "$1"
}
