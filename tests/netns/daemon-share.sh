#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-share.sh - what vmferryd leaves to guests that send
#
# Some 25 s; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# --- a guest that stays and sends; a macvlan is its interface ---
ip link add link near0 name app0 address 52:54:00:00:00:02 type macvlan \
    mode bridge
unshare --net sleep 600 &
APP=$!
wait_for 60 "stays: there is a guest's namespace" sh -c \
    "[ \"\$(readlink /proc/$APP/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]"
ip link set app0 netns $APP
nsenter -t $APP -n ip address add 10.9.0.3/24 dev app0
nsenter -t $APP -n ip link set app0 up

# flow PORT MBIT: so much without end, 0: as much as goes
flow() {
    exec python3 -c '
import socket, sys, time
port, rate = int(sys.argv[1]), float(sys.argv[2]) * 125000
s = socket.create_connection(("10.9.0.2", port))
begun, sent = time.monotonic(), 0
while True:
    sent += s.send(bytes(8192))
    ahead = sent / rate - (time.monotonic() - begun) if rate else 0
    if ahead > 0:
        time.sleep(ahead)
' "$@"
}

# application: bytes that the class at 7666:4000 and beyond has let through
application() {
    tc -s class show dev near0 | awk '
        /^class/ { ours = $3 ~ /^7666:[4-7]...$/ }
        ours && /Sent/ { print $2; exit }'
}

nsenter -t $APP -n bash -c "$(declare -f flow); flow 49215 12" &
flows[1]=$!
flow 49214 0 &
flows[2]=$!
flow 49213 0 &
flows[3]=$!
daemon_start enforce \
    "start=2,to=10.9.0.2:49152,mib=600,rate=300,set=1000;start=999,sends=12"
wait_for 30 "stays: seen to send" \
    grep -q "guest 'vm2': needs 1[1-3]\\.[0-9] Mbit/s and keeps them" "$LOG"
wait_for 30 "stays: the migration leaves it what it needs" \
    grep -Eq "guest 'vm1'.* of the free (3[0-6]|2[0-9])\\.[0-9] Mbit/s" "$LOG"
# a sender that the machine has no time for sends little: measured again
for _ in 1 2 3; do
    before=$(application) began=${EPOCHREALTIME/[.,]/}
    sleep 4 # what is measured, by the clock
    got=$((($(application) - before) * 8000 / (${EPOCHREALTIME/[.,]/} - began)))
    [ "$got" -lt 11800 ] || break
done
check_number "stays: what it gets beside greedy flows, kbit/s" "$got" \
    '>=' 11800
check_equal "stays: the migration has a class of its own" 1 \
    "$(tc class show dev near0 | grep -c '7666:1000 ')"
daemon_stop
kill "${flows[@]}" "$APP"

# --- a guest that leaves has sent before ---
daemon_start enforce "start=6,to=10.9.0.2:49152,mib=60,rate=100,set=500,sends=12"
wait_for 30 "sent: its migration is steered" session_is vm1 .not_in_force null
wait_for 30 "sent: its application has a class" \
    sh -c "tc class show dev near0 | grep -q '7666:4000 '"
check "sent: by what it sent before" \
    grep -q "own traffic needs 1[1-3]\\.[0-9] and has 1[4-6]\\." "$LOG"
check_equal "sent: no change was refused" 0 "$(grep -c 'do not fit' "$LOG")"
daemon_stop
finish
