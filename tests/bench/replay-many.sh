#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# replay-many.sh - 64 recorded migrations at once, and what vmferryd takes
#
# Guests on paper (tests/fakes) go through migrations of tests/data/traces, each
# pass in its own time and with its own bytes, over real connections that leave
# by one link; vmferryd, in mode enforce, steers all of them. CPU time is taken
# while all 64 run, without that of the fake's own thread; a decision's p99 is
# the worst of the 64. Lines "figure NAME VALUE" beside the checks are for
# tools/testbed/bench-daemon. Some two minutes, in two network namespaces of its
# own; root, and a machine that does nothing else.
# shellcheck source-path=SCRIPTDIR disable=SC2317 # called by wait_for, trap
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/../netns/far.sh"

far_enter "$@"

N=64 LEAST_S=45 MOST_S=105 # of a recorded migration
WORK=$(mktemp -d)
LOG=$WORK/log
DATA=$TEST_SOURCE/tests/data/traces
children=() guests=
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled
export VMFERRY_FAKE_STATE=$WORK/host VMFERRY_FAKE_LOG=$WORK/fake.log

cleanup() {
    local status=$?

    kill "${DAEMON:-}" "${FAR:-}" "${SINK:-}" "${children[@]}" 2>/dev/null
    [ "$status" = 0 ] || sed 's/^/  | /' "$LOG" | tail -n 40
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT
: >"$VMFERRY_FAKE_LOG"

figure() { echo "figure $1 $2"; }

far_begin

# "SECONDS FILE" of each recording that is neither too short nor too long
for file in "$DATA"/*.csv; do
    awk -F, -v least=$LEAST_S -v most=$MOST_S '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { s += $at["duration_s"] }
        END { if (s >= least && s <= most) printf "%.3f %s\n", s, FILENAME }' \
        "$file"
done >"$WORK/traces"
mapfile -t traces < <(cut -d ' ' -f 2 "$WORK/traces")
[ "${#traces[@]}" -ge 8 ] || bail "only ${#traces[@]} recordings in $DATA"
shortest_s=$(sort -n "$WORK/traces" | head -n 1 | cut -d . -f 1)
for ((i = 0; i < N; i++)); do
    guests+="${guests:+;}start=12,to=10.9.0.2:$((49152 + i)),mib=257"
    guests+=",trace=${traces[i % ${#traces[@]}]}"
done
export VMFERRY_FAKE_GUESTS=$guests
mount -t tmpfs none /run
mkdir -p /run/libvirt/qemu
for ((i = 1; i <= N; i++)); do
    "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" $i \
        "$(printf '00000000-0000-4000-8000-%012d' $i)" &
    children+=($!)
    echo $! >/run/libvirt/qemu/vm$i.pid
    [ -s "$VMFERRY_FAKE_STATE" ] ||
        wait_for 5 "there is a host" test -s "$VMFERRY_FAKE_STATE"
done

printf '%s\n' '[daemon]' mode=enforce "records=$WORK/records" \
    "journal=$WORK/journal.db" history=none '[control]' \
    "socket=$VMFERRY_SOCKET" '[link near0]' capacity=10gbit '[queue]' \
    parallel=none >"$WORK/conf"
LD_PRELOAD=$TEST_BUILD/tests/fakes/libfake-libvirt.so \
    "$TEST_BUILD/controller/daemon/vmferryd" --config "$WORK/conf" \
    --run-dir "$WORK/run" 2>"$LOG" &
DAEMON=$!
wait_for 10 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
    bail "$(cat "$LOG")"

# streams_found N: so many have a class each
streams_found() {
    [ "$(grep -c 'its stream goes to' "$LOG")" -ge "$1" ]
}

# ticks: CPU time of vmferryd so far, less the fake's thread
ticks() {
    local all fake

    all=$(sed 's/.*) //' "/proc/$DAEMON/stat" | awk '{ print $12 + $13 }')
    fake=$(cat "/proc/$DAEMON"/task/*/stat 2>/dev/null | grep '(fake-host)' |
        sed 's/.*) //' | awk '{ print $12 + $13 }')
    echo $((all - ${fake:-0}))
}

wait_for 40 "all $N are steered" streams_found $N ||
    bail "only $(grep -c 'its stream goes to' "$LOG")"
before=$(ticks) began=${EPOCHREALTIME/[.,]/}
# what is measured, by the clock; the shortest has not ended then
sleep $((shortest_s - 8))
spent=$(($(ticks) - before)) took=$((${EPOCHREALTIME/[.,]/} - began))
check_equal "none has ended while it was measured" 0 \
    "$(grep -c . "$VMFERRY_FAKE_LOG" 2>/dev/null || true)"
cpu=$(awk -v ticks=$spent -v us=$took -v hz="$(getconf CLK_TCK)" \
    'BEGIN { printf "%.2f", 100 * ticks / hz / (us / 1e6) }')
figure cpu_percent "$cpu"
check_number "CPU time of it all, % of a core" "$cpu" '<=' 5

ended() {
    [ "$(find "$WORK/records" -name '2*.json' 2>/dev/null | wc -l)" = "$N" ]
}
wait_for $((MOST_S + 60)) "all have ended" ended
memory=$(awk '/^VmHWM:/ { printf "%.1f", $2 / 1024 }' "/proc/$DAEMON/status")
figure memory_mib "$memory"
check_number "memory, MiB" "$memory" '<=' 61.0
cat "$WORK"/records/2*.json >"$WORK/all.json"
p99=$(jq .cost.decision_us.p99 "$WORK/all.json" | sort -n | tail -n 1)
figure decision_p99_us "$p99"
figure decision_max_us \
    "$(jq .cost.decision_us.max "$WORK/all.json" | sort -n | tail -n 1)"
check_number "a decision's p99, the worst of $N, us" "$p99" '<=' 5000
decisions=$(jq '.decisions | length' "$WORK/all.json" |
    awk '{ n += $1 } END { print n }')
figure decisions "$decisions"
check_number "decisions" "$decisions" '>' $N
check_number "foreign bytes in a class, the worst, %" "$(jq -r '
    .shaping | if .class_bytes > 0 then
        100 * (.foreign_bytes // 0) / .class_bytes else 100 end' \
    "$WORK/all.json" | sort -g | tail -n 1)" '<=' 1
# as the recordings were: a machine that is too slow measures something else
late=$(jq -rs '[.[].seconds] | add' "$VMFERRY_FAKE_LOG")
due=$(for ((i = 0; i < N; i++)); do
    grep -F " ${traces[i % ${#traces[@]}]}" "$WORK/traces"
done | awk '{ s += $1 } END { print s }')
figure late_percent "$(awk -v a="$late" -v b="$due" \
    'BEGIN { printf "%.2f", 100 * (a / b - 1) }')"
check_within "seconds that they took together" "$late" "$due" 2
kill -TERM "$DAEMON"
wait "$DAEMON"
check_equal "it ends" 0 "$?"
DAEMON=
check_equal "nothing is left on the link" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
finish
