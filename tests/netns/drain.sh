#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# drain.sh - vmferry drain beside vmferryd: announced, queued, and left alone
#
# Guests are on paper, their connections are real (tests/fakes/libvirt/), and they
# live in processes of their own, so that daemon and drain see the same host.
# Some 50 s, in two network namespaces of its own; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/far.sh"

far_enter "$@"

FAKE=$TEST_BUILD/tests/fakes/libfake-libvirt.so
VMFERRY=$TEST_BUILD/tools/cli/vmferry
WORK=$(mktemp -d)
LOG=$WORK/log OUT=$WORK/out
guest=()
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled
export VIRSH_DEFAULT_CONNECT_URI=qemu:///session VMFERRY_HISTORY=none
export VMFERRY_FAKE_STATE=$WORK/host VMFERRY_FAKE_LOG=$WORK/fake.log

# shellcheck disable=SC2317 # called by the trap
cleanup() {
    local status=$?

    # a drain that is told to stop waits for guests on their way; these die
    [ -z "${DRAIN:-}" ] || kill -KILL "$DRAIN" 2>/dev/null
    kill "${DAEMON:-}" "${SINK:-}" "${FAR:-}" "${guest[@]}" 2>/dev/null
    if [ "$status" != 0 ]; then
        sed 's/^/  | /' "$OUT" | tail -n 40
        sed 's/^/  : /' "$LOG" | tail -n 40
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT

mount -t tmpfs none /run
mkdir -p /run/libvirt/qemu
far_begin

# guests N: that wait until libvirt is asked to migrate them
guests() {
    local i

    kill "${guest[@]}" 2>/dev/null
    guest=()
    rm -f "$VMFERRY_FAKE_STATE" "$VMFERRY_FAKE_LOG"
    VMFERRY_FAKE_GUESTS=
    for ((i = 0; i < $1; i++)); do
        VMFERRY_FAKE_GUESTS+="start=-1,to=10.9.0.2:$((49152 + i)),mib=${2:-24},rate=100,set=500;"
    done
    export VMFERRY_FAKE_GUESTS
    for ((i = 1; i <= $1; i++)); do
        "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" $i \
            00000000-0000-4000-8000-00000000000$i &
        guest[i]=$!
        echo $! >/run/libvirt/qemu/vm$i.pid
        wait_for 30 "there is a host, and vm$i" test -s "$VMFERRY_FAKE_STATE"
    done
}

# daemon_start MODE [LINE...]
daemon_start() {
    printf '%s\n' '[daemon]' "mode=$1" "records=$WORK/records" \
        "journal=$WORK/journal.db" history=none '[control]' \
        "socket=$VMFERRY_SOCKET" '[link near0]' capacity=50mbit '[queue]' \
        parallel=1 "${@:2}" >"$WORK/conf"
    LD_PRELOAD=$FAKE "$TEST_BUILD/controller/daemon/vmferryd" \
        --config "$WORK/conf" --run-dir /run/vmferry 2>"$LOG" &
    DAEMON=$!
    wait_for 30 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
        bail "$(cat "$LOG")"
}

drain_start() {
    : >"$OUT" # before it is asked what it holds
    LD_PRELOAD=$FAKE "$VMFERRY" drain --to qemu+tcp://10.9.0.2/system --yes \
        --migrateuri tcp://10.9.0.2 --link near0=50mbit --no-sample --json \
        --state "$WORK/drain.json" "$@" >"$OUT" 2>&1 &
    DRAIN=$!
}

# told FILTER: of the drain's events
told() {
    grep '^{' "$OUT" | jq -rs "$1"
}

# --- with a daemon: its queue, its classes, [starter drain] ---
guests 3
daemon_start enforce '[starter drain]' priority=7 'allow=guarantee ceiling'
drain_start
wait_for 30 "daemon: the first is steered there" sh -c \
    "'$VMFERRY' status --json | jq -e '.sessions[0].not_in_force == null and
        .sessions[0].starter == \"drain\" and .sessions[0].priority == 7' >/dev/null"
check_equal "daemon: the others wait in its queue" 2 \
    "$("$VMFERRY" queue --json | jq '.queue | length')"
check_equal "daemon: one class, that is the daemon's" "$DAEMON" \
    "$(jq -r '.owners[].pid' /run/vmferry/tc-*.json)"
wait_for 60 "daemon: all have moved" sh -c "! kill -0 $DRAIN 2>/dev/null"
wait "$DRAIN"
check_equal "daemon: which is said" 0 "$?"
check_equal "daemon: one after the other, as [queue] says" 1 \
    "$(jq -s '[.[] | select(.end == "completed")] | length == 3' \
        "$VMFERRY_FAKE_LOG" | grep -c true)"
wait_for 30 "daemon: there is a record of each" \
    sh -c "[ \$(find '$WORK/records' -name '2*.json' | wc -l) = 3 ]"
check_equal "daemon: of one that was drained" "drain drain drain" \
    "$(jq -r .extra.daemon.starter "$WORK"/records/2*.json | xargs)"
check_equal "daemon: of whom no two ran at once" 0 "$(python3 - "$LOG" <<'END'
import re, sys
now = most = 0
for line in open(sys.argv[1], encoding="utf-8"):
    now += "its migration leaves this host" in line
    most = max(most, now)
    now -= bool(re.search(r"migration (completed|failed|aborted)", line))
print(most - 1)
END
)"
kill -TERM "$DAEMON"
wait "$DAEMON"

# --- one that is cancelled while it waits, and a daemon that dies ---
guests 3 60
daemon_start enforce
drain_start
wait_for 30 "death: one is steered, two wait" sh -c \
    "[ \$('$VMFERRY' queue --json | jq '.queue | length') = 2 ]"
last=$("$VMFERRY" queue --json | jq -r '.queue[1].guest')
check "death: one of them is cancelled" "$VMFERRY" cancel "$last"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
wait_for 60 "death: the drain comes to its end alone" \
    sh -c "! kill -0 $DRAIN 2>/dev/null"
wait "$DRAIN"
check_equal "death: some have moved" 3 "$?"
check_equal "death: all but the one" 2 \
    "$(grep -c '"end":"completed"' "$VMFERRY_FAKE_LOG")"
check_equal "death: which was cancelled" "$last" \
    "$(told '[.[] | select(.event == "end" and .status == "failed")][0].guest')"
check "death: it is said that the daemon is gone" \
    grep -q 'vmferryd is gone' "$OUT"

# --- without one: of two at once, the other waits while one ends ---
guests 2
drain_start --alone --parallel 2
wait_for 30 "alone: one is held at a hundredth of the link" sh -c \
    "tc class show dev near0 | grep -q 'ceil 500Kbit'"
wait_for 40 "alone: all have moved" sh -c "! kill -0 $DRAIN 2>/dev/null"
wait "$DRAIN"
check_equal "alone: which is said" 0 "$?"
check_equal "alone: held, and then no longer" \
    "waits at its floor for the end of the one before, no longer held back" \
    "$(told '[.[] | select(.event == "note") | .text |
        select(test("floor for|no longer held"))] | .[:1] + .[-1:] |
        join(", ")')"
check_equal "alone: both looked at, and how long that took" true \
    "$(told '[.[] | select(.event == "plan")][0].looked_s | . > 0 and . < 10')"

# --- one that only looks on ---
guests 2
daemon_start observe
drain_start
wait_for 30 "observe: the drain reserves itself" sh -c \
    "tc class show dev near0 | grep -q '7666:1000 '"
check_equal "observe: and owns the class" "$DRAIN" \
    "$(jq -r '.owners[].pid' /run/vmferry/tc-*.json | head -n 1)"
: >"$VMFERRY_DISABLED"
wait_for 1 "observe: switched off, nothing is left within a second" \
    sh -c "! tc qdisc show dev near0 | grep -q 'htb 7666:'"
wait_for 60 "observe: all have moved" sh -c "! kill -0 $DRAIN 2>/dev/null"
wait "$DRAIN"
check_equal "observe: which is said" 0 "$?"
rm "$VMFERRY_DISABLED"
kill -TERM "$DAEMON"
wait "$DAEMON"
check_equal "nothing is left on the link" "" \
    "$(tc qdisc show | grep 'htb 7666:')"

# --- told to stop, without a daemon: the guest on its way arrives ---
guests 2
drain_start
wait_for 30 "SIGTERM: the first is on its way" \
    grep -q '"event":"progress"' "$OUT"
kill -TERM "$DRAIN"
wait_for 60 "SIGTERM: the drain ends" sh -c "! kill -0 $DRAIN 2>/dev/null"
wait "$DRAIN"
check_equal "SIGTERM: some have moved" 3 "$?"
check_equal "SIGTERM: which one, and that the other waits" "1 1 0" \
    "$(told 'last | "\(.moved) \(.waits) \(.failed)"')"
check "SIGTERM: by the first, and not by force" \
    grep -q 'no more guests are begun' "$OUT"
check_equal "SIGTERM: nothing is left on the link" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
finish
