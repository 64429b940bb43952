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

[ "$(id -u)" = 0 ] || skip "namespaces need root"
[ -z "${VMFERRY_SANITIZED:-}" ] ||
    skip "the fake libvirt is preloaded, and would come before the sanitizer"
for program in python3 nsenter; do
    command -v $program >/dev/null || skip "$program is missing"
done
if [ "${1:-}" != inside ]; then
    exec unshare --net --mount "$0" inside
fi

WORK=$(mktemp -d)
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

# a wire to another namespace, where everything that comes is taken
unshare --net sleep 600 &
FAR=$!
ip link set lo up
wait_for 50 "there is a far namespace" sh -c \
    "[ \"\$(readlink /proc/$FAR/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]"
ip link add near0 type veth peer name far0 netns $FAR
ip address add 10.9.0.1/24 dev near0
ip link set near0 up
nsenter -t $FAR -n ip address add 10.9.0.2/24 dev far0
nsenter -t $FAR -n ip link set far0 up
nsenter -t $FAR -n python3 - "$WORK/sink" <<'END' &
import socket, sys, threading
listener = socket.create_server(("10.9.0.2", 49152))
open(sys.argv[1], "w").close()
while True:
    c = listener.accept()[0]
    threading.Thread(target=lambda: all(iter(lambda: c.recv(1 << 16), b"")),
                     daemon=True).start()
END
SINK=$!
wait_for 10 "somebody takes the stream" test -e "$WORK/sink"

printf '%s\n' '[daemon]' mode=enforce "records=$WORK/records" \
    "journal=$WORK/journal.db" history=none '[control]' \
    "socket=$VMFERRY_SOCKET" '[link near0]' capacity=50mbit >"$WORK/conf"
VMFERRY_FAKE_GUESTS="start=2,to=10.9.0.2:49152,mib=200,rate=300,set=1000,mbit=40" \
    LD_PRELOAD=$TEST_BUILD/tests/fakes/libfake-libvirt.so \
    "$TEST_BUILD/controller/daemon/vmferryd" --config "$WORK/conf" \
    --run-dir "$WORK/run" 2>"$LOG" &
DAEMON=$!
wait_for 10 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
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
