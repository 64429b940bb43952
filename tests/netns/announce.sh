#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# announce.sh - a migration that was announced, from its begin to orphanage
#
# Guests are on paper, connections are real (tests/fakes/libvirt/): vmferryd is
# told of vm1 before it leaves, steers it with what was asked for, tells what it
# decides, and takes it as one that others started when its announcer is gone.
# Some 10 s, in two network namespaces of its own; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/far.sh"

far_enter "$@"

WORK=$(mktemp -d)
chmod 711 "$WORK" # one who is not root speaks to the daemon as well
LOG=$WORK/log
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled

# shellcheck disable=SC2317 # called by the trap
cleanup() {
    local status=$?

    kill "${DAEMON:-}" "${SINK:-}" "${FAR:-}" 2>/dev/null
    [ "$status" = 0 ] || sed 's/^/  | /' "$LOG" | tail -n 60
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT

far_begin

printf '%s\n' '[daemon]' mode=enforce "records=$WORK/records" \
    "journal=$WORK/journal.db" history=none '[control]' \
    "socket=$VMFERRY_SOCKET" "steer-group=$(getent group 1 | cut -d: -f1)" \
    '[link near0]' capacity=50mbit '[starter drain]' allow=guarantee \
    >"$WORK/conf"
VMFERRY_FAKE_GUESTS="start=4,to=10.9.0.2:49152,mib=200,rate=300,set=1000,mbit=40" \
    LD_PRELOAD=$TEST_BUILD/tests/fakes/libfake-libvirt.so \
    "$TEST_BUILD/controller/daemon/vmferryd" --config "$WORK/conf" \
    --run-dir "$WORK/run" 2>"$LOG" &
DAEMON=$!
wait_for 30 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
    bail "$(cat "$LOG")"
check "what was announced is steered, and orphaned" \
    python3 "$TEST_SOURCE/tests/netns/announce.py" "$VMFERRY_SOCKET" near0 \
    10.9.0.2
kill -TERM "$DAEMON"
wait "$DAEMON"
check_equal "it ends" 0 "$?"
check_equal "nothing is left on the link" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
finish
