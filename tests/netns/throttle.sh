#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# throttle.sh - vmferryd slows a guest whose starter named that step
#
# The guest is on paper, its connection is real (tests/fakes/libvirt/), and it
# lives in a process of its own: QEMU's throttle is set through the monitor, and
# its bound is what it was before once the guest stays. Some 50 s, in two network
# namespaces of its own; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/far.sh"

far_enter "$@"

FAKE=$TEST_BUILD/tests/fakes/libfake-libvirt.so
VMFERRY=$TEST_BUILD/tools/cli/vmferry
WORK=$(mktemp -d)
LOG=$WORK/log OUT=$WORK/out RECORDS=$WORK/records
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled
export VIRSH_DEFAULT_CONNECT_URI=qemu:///session VMFERRY_HISTORY=none
export VMFERRY_FAKE_STATE=$WORK/host VMFERRY_FAKE_LOG=$WORK/fake.log
export VMFERRY_FAKE_STAYS=yes
# it writes twice what the link carries
export VMFERRY_FAKE_GUESTS="start=-1,to=10.9.0.2:49152,mib=16,rate=3000,set=3000,mbit=30"

# shellcheck disable=SC2317 # called by the trap
cleanup() {
    local status=$?

    kill -KILL "${MIGRATE:-}" "${DAEMON:-}" "${SINK:-}" "${FAR:-}" \
        "${GUEST:-}" 2>/dev/null
    if [ "$status" != 0 ]; then
        sed 's/^/  | /' "$OUT" | tail -n 30
        sed 's/^/  : /' "$LOG" | tail -n 40
        sed 's/^/  = /' "$VMFERRY_FAKE_LOG"
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT

mount -t tmpfs none /run
mkdir -p /run/libvirt/qemu
far_begin

# before the daemon, which keeps the host's file
guest_start() {
    [ -z "${GUEST:-}" ] || { kill "$GUEST" && wait "$GUEST"; } 2>/dev/null
    rm -rf "$VMFERRY_FAKE_STATE" "$RECORDS"
    : >"$VMFERRY_FAKE_LOG"
    "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" 1 \
        00000000-0000-4000-8000-000000000001 &
    GUEST=$!
    echo $! >/run/libvirt/qemu/vm1.pid
    wait_for 30 "there is a host, and vm1" test -s "$VMFERRY_FAKE_STATE"
}

daemon_start() {
    printf '%s\n' '[daemon]' mode=enforce "records=$RECORDS" \
        "journal=$WORK/journal.db" history=none '[control]' \
        "socket=$VMFERRY_SOCKET" '[link near0]' capacity=50mbit "$@" \
        >"$WORK/conf"
    LD_PRELOAD=$FAKE "$TEST_BUILD/controller/daemon/vmferryd" \
        --config "$WORK/conf" --run-dir /run/vmferry 2>"$LOG" &
    DAEMON=$!
    wait_for 30 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
        bail "$(cat "$LOG")"
}

daemon_stop() {
    kill -TERM "$DAEMON"
    wait "$DAEMON"
    check_equal "it ends" 0 "$?"
    DAEMON=
}

# migrate OPTION...: handed over to the daemon
migrate() {
    LD_PRELOAD=$FAKE "$VMFERRY" migrate --live --p2p --verbose "$@" vm1 \
        qemu+tcp://10.9.0.2/system tcp://10.9.0.2 >"$OUT" 2>&1 &
    MIGRATE=$!
}

# bounds: that QEMU was told, one after the other
bounds() {
    jq -r 'select(.throttle) | .throttle' "$VMFERRY_FAKE_LOG" | paste -sd ' '
}

is_throttled() { [ "$(bounds)" != "" ]; }
is_back() { [[ "$(bounds)" = *" 99" ]]; }

guest_start
daemon_start
migrate --allow auto-converge
wait_for 60 "named: it is throttled" is_throttled
check_equal "named: by the daemon" 1 \
    "$(grep -c "vmferryd steers this migration" "$OUT")"
check_equal "named: no step was refused" 0 "$(grep -c 'will not take' "$OUT")"
wait "$MIGRATE"
check_equal "named: so it ends" 0 "$?"
wait_for 30 "named: there is a record" sh -c "ls $RECORDS/2*.json"
check_equal "named: which says what was done" "take auto-converge true" \
    "$(jq -r '.extra.ladder | map(select(.step == "auto-converge")) | first |
        "\(.act) \(.step) \(.done)"' "$RECORDS"/2*.json)"
check_equal "named: and that the monitor was used" true \
    "$(jq .migration.monitor_passthrough "$RECORDS"/2*.json)"
check "named: a guest that has left is let be" sh -c \
    "! grep -q '\"throttle\":99' '$VMFERRY_FAKE_LOG'"

# --- one that stays ---
daemon_stop
guest_start
daemon_start
migrate --allow auto-converge
wait_for 60 "stays: it is throttled" is_throttled
kill -INT "$MIGRATE"
wait "$MIGRATE"
check_equal "stays: aborted" 1 "$?"
wait_for 30 "stays: the bound is QEMU's own again" is_back
check "stays: which is said" grep -q 'the bound of its throttle is 99 % again' \
    "$LOG"

# --- switched off, and killed ---
daemon_stop
guest_start
daemon_start
migrate --allow auto-converge
wait_for 60 "disabled: it is throttled" is_throttled
: >"$VMFERRY_DISABLED"
wait_for 10 "disabled: it is no longer" \
    sh -c "grep -q '\"throttle\":1}' '$VMFERRY_FAKE_LOG'"
rm "$VMFERRY_DISABLED"
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
kill -INT "$MIGRATE"
wait "$MIGRATE"
check_equal "killed: the guest stays" 1 "$?"
check "killed: with that bound" sh -c \
    "! grep -q '\"throttle\":99' '$VMFERRY_FAKE_LOG'"
daemon_start
wait_for 30 "killed: the next daemon puts it back" is_back
daemon_stop

# --- somebody else's: libvirt switches it on at the start only ---
VMFERRY_FAKE_GUESTS=${VMFERRY_FAKE_GUESTS/start=-1/start=1}
guest_start
daemon_start '[ladder]' 'allow=guarantee auto-converge' '[starter others]' \
    'allow=guarantee auto-converge'
wait_for 60 "others: it is said why not" \
    grep -q 'auto-converge is ruled out: libvirt switches it on at the start' \
    "$LOG"
check_equal "others: the monitor is let be" "" "$(bounds)"
daemon_stop
finish
