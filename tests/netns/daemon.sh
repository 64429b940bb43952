#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon.sh - vmferryd with guests on paper and connections of flesh
#
# Streams told apart, the link changed under our hands, names, metadata, reloads,
# 64 sessions. Some 40 s; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# --- two in the same second, to one destination ---
daemon_start enforce \
    "start=1,to=10.9.0.2:49152,mib=24,rate=300,set=1000,mbit=60;\
start=1,to=10.9.0.2:49153,mib=16,rate=100,set=500,mbit=25"
wait_for 30 "two: whose connection is whose is known of one" \
    session_is vm1 .not_in_force null
wait_for 30 "two: and of the other" session_is vm2 .not_in_force null
check "two: vm1's is its own" session_is vm1 .port 49152
check "two: vm2's is its own" session_is vm2 .port 49153
wait_for 30 "two: both have ended" records_are 2
for guest in vm1 vm2; do
    check_equal "two: $guest" completed "$(record $guest .outcome.status)"
    check_number "two: $guest's foreign bytes, per cent" \
        "$(record $guest '.shaping.foreign_bytes / .shaping.class_bytes * 100')" \
        '<=' 1
    check "two: $guest's record replays" \
        "$TEST_BUILD/tests/system/check-record" \
        "$TEST_SOURCE/docs/run-record.schema.json" \
        "$(grep -l "\"name\":\"$guest\"" "$RECORDS"/2*.json)"
done
check_equal "two: what may wait in its socket was bounded, bytes" \
    "true 1 100000" "$(record vm1 \
        '.extra.unsent_bound | "\(.done) \(.streams) \(.bytes)"')"
check_equal "two: on which ports, by the records" "49152 49153" \
    "$(record vm1 .extra.daemon.port) $(record vm2 .extra.daemon.port)"
check_equal "two: both are remembered for forecasts, with their first passes" \
    "vm1 vm2" "$(python3 -c 'import sqlite3, sys
runs = sqlite3.connect(sys.argv[1]).execute(
    "SELECT guest_name FROM run WHERE first_pass_bytes > 1e7 AND EXISTS"
    " (SELECT 1 FROM point WHERE run = id) ORDER BY guest_name")
print(*(name for name, in runs))' "$WORK/history.db")"
daemon_stop

# --- several in one second, each of which is left less than the one before ---
five=
for i in 0 1 2 3 4; do
    five="$five;start=1,to=10.9.0.2:$((49152 + i)),mib=8,rate=50,set=200"
done
daemon_start enforce "${five#;}" '[queue]' parallel=none
wait_for 60 "five: all have ended" records_are 5
check_equal "five: each had a class" 5 \
    "$(cat "$RECORDS"/2*.json | jq .shaping.class_bytes | grep -vc null)"
check_equal "five: no change was refused" 0 "$(grep -c 'do not fit' "$LOG")"
daemon_stop

# --- the link under our hands, and the switch ---
daemon_start enforce "start=1,to=10.9.0.2:49152,mib=600,rate=300,set=1000"
wait_for 30 "link: in force" session_is vm1 .not_in_force null
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: nothing is left within a second" \
    sh -c "! tc qdisc show dev near0 | grep -q 'htb 7666:'"
rm "$VMFERRY_DISABLED"
wait_for 30 "disabled: on again" session_is vm1 .not_in_force null
ip link set near0 down
ip link set near0 name near7
ip link set near7 up
wait_for 30 "link: its new name is seen" session_is vm1 .link near7
wait_for 30 "link: and nothing needs to be repaired" \
    session_is vm1 .not_in_force null
tc qdisc del dev near7 root
wait_for 30 "link: repaired" grep -q 'repair 1 of 2' "$LOG"
tc qdisc del dev near7 root
wait_for 30 "link: repaired again" grep -q 'repair 2 of 2' "$LOG"
tc qdisc del dev near7 root
wait_for 30 "link: then given up" session_is vm1 .not_in_force given-up
check "link: and nothing of ours is there" \
    sh -c "! tc qdisc show dev near7 | grep -q 'htb 7666:'"
sent=$(status_of '.sessions[0].sent_bytes')
wait_for 30 "link: the migration goes on" sh -c "
    [ \$('$VMFERRY' status --json | jq '.sessions[0].sent_bytes') -gt $sent ]"
daemon_stop
check_equal "link: it was left while it ran" left \
    "$(record vm1 .outcome.status)"
ip link set near7 down
ip link set near7 name near0
ip link set near0 up

# --- somebody else's root, for a while ---
tc qdisc add dev near0 root handle 9: htb
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=200"
wait_for 30 "root: another's is left alone, and said" \
    session_is vm1 .not_in_force kernel
tc qdisc del dev near0 root
wait_for 30 "root: when it is gone the class comes" \
    session_is vm1 .not_in_force null
check_number "root: which is not said each time" \
    "$(grep -c 'not in force' "$LOG")" '<=' 4
cat >"$WORK/ask" <<'END'
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
def sent():
    f.write('{"id": 1, "command": "status"}\n')
    f.flush()
    link = json.loads(f.readline())["return"]["links"][0]
    return str([c["bytes"] for c in link["classes"] if c["role"] == "migration"])
time.sleep(0.3)
began = time.monotonic()
seen = {sent() for _ in range(20)}
took = time.monotonic() - began
time.sleep(0.3)
# as often as it takes 200 ms, and not for each who asks
sys.exit(not (len(seen) <= 1 + took / 0.2 and sent() not in seen))
END
check "status: classes are read anew, and not for each who asks" \
    python3 "$WORK/ask" "$VMFERRY_SOCKET"
daemon_stop

# --- a destination by its name, when only the address is known ---
printf '%s\n' '127.0.0.1 localhost' '10.9.0.2 far.example far' >"$WORK/hosts"
mount --bind "$WORK/hosts" /etc/hosts
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100" \
    'bound-unsent=no' '[destination far]' 'deadline=7min'
wait_for 30 "name: its section counts" session_is vm1 .deadline_s 420
wait_for 30 "name: and it is steered" session_is vm1 .not_in_force null
daemon_stop
check_equal "bound-unsent=no: its socket was left alone" null \
    "$(record vm1 .extra.unsent_bound)"
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100" \
    '[destination *.example]' 'deadline=8min'
wait_for 30 "name: so does that of a pattern" session_is vm1 .deadline_s 480
wait_for 30 "name: and it is steered as well" session_is vm1 .not_in_force null
daemon_stop
umount /etc/hosts

# --- a way that is not seen ---
daemon_start enforce "start=0.3,to=10.9.0.2:50123,mib=300"
wait_for 30 "unseen: that no connection is found is said" \
    grep -q "warning: .*'vm1': no connection of its own is seen" "$LOG"
check "unseen: and shown" session_is vm1 .not_in_force no-stream
check_equal "unseen: nothing is shaped" "" "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop

# --- what a guest's description says ---
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1'
    mode='observe' priority='9'/>"
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 30 "metadata: a lower mode holds" session_is vm1 .mode observe
check "metadata: a higher priority does not" session_is vm1 .priority 5
check "metadata: nothing is aborted where nothing is changed" sh -c \
    "! '$VMFERRY' cancel vm1 2>'$WORK/cancel'"
check "metadata: which is said" grep -q 'in mode observe' "$WORK/cancel"
check "metadata: and it goes on" session_is vm1 .state precopy
daemon_stop
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100" 'metadata=yes'
wait_for 30 "metadata: if they may, they count" session_is vm1 .priority 9
daemon_stop
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1'
    mode='enforce'/>"
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 30 "metadata: nobody has himself steered" session_is vm1 .mode observe
check_equal "metadata: so there is no class" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop
check_equal "metadata: and its socket was left alone" null \
    "$(record vm1 .extra.unsent_bound)"
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1' mode='often'/>"
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 30 "metadata: nonsense is said, and nothing of it holds" \
    grep -q "warning:.*vm1.*often" "$LOG"
check "metadata: the file does" session_is vm1 .mode observe
daemon_stop
unset VMFERRY_FAKE_METADATA

# --- what a reload leaves as it is, and what a destination changes ---
BREAKER='{"near0": {"level": "observe", "good": 0, "needed": 3,
    "returned": false, "reason": "wrong too often", "runs": []}}'
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100" \
    '[destination 10.9.0.0/24]' 'deadline=7min'
wait_for 30 "reload: its destination's deadline is its own" \
    session_is vm1 .deadline_s 420
check "reload: the circuit breaker's word holds" session_is vm1 .mode observe
check "reload: priority is set" "$VMFERRY" set vm1 priority=8
sed -i 's/deadline=7min/deadline=8min/' "$WORK/conf"
kill -HUP "$DAEMON"
wait_for 30 "reload: the deadline is the new one" \
    session_is vm1 .deadline_s 480
check "reload: what was set stays set" session_is vm1 .priority 8
check "reload: the circuit breaker's word still holds" \
    session_is vm1 .mode observe
check_equal "reload: so there is no class" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop
rm "$RECORDS/breaker.json"
BREAKER=

# --- 64 at once ---
many=
for i in $(seq 0 63); do
    many="$many;start=1,to=10.9.0.2:$((49152 + i)),mib=4,rate=20,set=200,mbit=6"
done
daemon_start observe "${many#;}"
wait_for 30 "many: 64 sessions" sh -c \
    "[ \$('$VMFERRY' status --json | jq '.sessions | length') = 64 ]"
wait_for 60 "many: all have ended" records_are 64
check_number "many: memory of it all, KiB" \
    "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DAEMON/status")" \
    '<' 65536
check_equal "many: completed" 64 \
    "$(cat "$RECORDS"/2*.json | jq -r .outcome.status | grep -c completed)"
check_number "many: the dearest decision of all, us" \
    "$(cat "$RECORDS"/2*.json | jq .cost.decision_us.max | sort -n | tail -n 1)" \
    '<' 50000
daemon_stop
# --- an interface that goes and comes back as another one ---
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=600,rate=300,set=1000"
wait_for 10 "again: in force" session_is vm1 .not_in_force null
was=$(ip -o link show near0 | cut -d : -f 1)
ip link del near0
wait_for 5 "again: that it is gone is said" \
    session_is vm1 .not_in_force link-gone
ip link add near0 index $((was + 1000)) type veth peer name far0 netns $FAR
ip address add 10.9.0.1/24 dev near0
nsenter -t $FAR -n ip address add 10.9.0.2/24 dev far0
nsenter -t $FAR -n ip link set far0 up
ip link set near0 up
wait_for 10 "again: it has another number, and the class is there" sh -c \
    "tc class show dev near0 | grep -q 'htb 7666:1000 '"
wait_for 10 "again: it is in force" session_is vm1 .not_in_force null
check_equal "again: what the status shows" "$((was + 1000)) up" \
    "$(status_of '.links[0] | "\(.ifindex) \(.state)"')"
check "again: it was said" grep -q "near0 (number $was) is gone" "$LOG"
sent=$(status_of '.sessions[0].sent_bytes')
wait_for 20 "again: the migration goes on" sh -c "
    [ \$('$VMFERRY' status --json | jq '.sessions[0].sent_bytes') -gt $sent ]"
daemon_stop

# --- tunnelled: QEMU's own connections are none ---
(exec -a 00000000-0000-4000-8000-000000000001 sleep 600) &
guest=($!)
wait_for 60 "tunnelled: there is a QEMU" \
    grep -qz "^00000000-0000-4000-8000-000000000001\$" "/proc/$!/cmdline"
echo ${guest[0]} >/run/libvirt/qemu/vm1.pid
daemon_start enforce "start=0.3,to=10.9.0.2:50123,mib=300"
wait_for 15 "tunnelled: that is seen" session_is vm1 .not_in_force tunnelled
check "tunnelled: and said" grep -q "'vm1': .*not shaped: tunnelled" "$LOG"
check_equal "tunnelled: once" 1 "$(grep -c "warning: .*tunnelled" "$LOG")"
check_equal "tunnelled: nothing is shaped" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop
kill "${guest[0]}"
rm /run/libvirt/qemu/vm1.pid

finish
