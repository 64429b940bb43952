#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon.sh - vmferryd with guests on paper and connections of flesh
#
# tests/fakes/libvirt/ stands before libvirt: guests leave when the test says,
# as fast as the link lets them, and what vmferryd shapes has its effect. Where
# a real QEMU would be asked for its sockets there is none: connections are
# told by their bytes. Some 80 s, in two network namespaces of its own; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/far.sh"

far_enter "$@"

VMFERRYD=$TEST_BUILD/controller/daemon/vmferryd
VMFERRY=$TEST_BUILD/tools/cli/vmferry
FAKE=$TEST_BUILD/tests/fakes/libfake-libvirt.so
WORK=$(mktemp -d)
LOG=$WORK/log
guest=()
flows=()
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

far_begin

# daemon_start MODE GUESTS [LINE...]: and more of its configuration
daemon_start() {
    [ -n "${VMFERRY_FAKE_STATE:-}" ] || rm -rf "$RECORDS" "$VMFERRY_FAKE_LOG"
    mkdir -p "$RECORDS"
    [ -z "${BREAKER:-}" ] || printf '%s\n' "$BREAKER" >"$RECORDS/breaker.json"
    {
        printf '[daemon]\nmode=%s\nrecords=%s\njournal=%s\nhistory=%s\n' \
            "$1" "$RECORDS" "$WORK/journal.db" "$WORK/history.db"
        printf 'log=debug\n'
        [[ ${3:-} != metadata=* ]] || printf '%s\n' "$3"
        printf '[control]\nsocket=%s\n' "$VMFERRY_SOCKET"
        printf '[link near0]\ncapacity=50mbit\n'
        printf '%s\n' "${@:3}" | grep -v '^metadata='
    } >"$WORK/conf"
    VMFERRY_FAKE_GUESTS=$2 LD_PRELOAD=$FAKE "$VMFERRYD" \
        --config "$WORK/conf" --run-dir "$WORK/run" 2>"$LOG" &
    DAEMON=$!
    wait_for 10 "vmferryd watches" grep -q 'watching the migrations' "$LOG" ||
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

# --- two in the same second, to one destination ---
daemon_start enforce \
    "start=1,to=10.9.0.2:49152,mib=24,rate=300,set=1000,mbit=60;\
start=1,to=10.9.0.2:49153,mib=16,rate=100,set=500,mbit=25"
wait_for 10 "two: whose connection is whose is known of one" \
    session_is vm1 .not_in_force null
wait_for 10 "two: and of the other" session_is vm2 .not_in_force null
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
wait_for 10 "link: in force" session_is vm1 .not_in_force null
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: nothing is left within a second" \
    sh -c "! tc qdisc show dev near0 | grep -q 'htb 7666:'"
rm "$VMFERRY_DISABLED"
wait_for 3 "disabled: on again" session_is vm1 .not_in_force null
ip link set near0 down
ip link set near0 name near7
ip link set near7 up
wait_for 3 "link: its new name is seen" session_is vm1 .link near7
wait_for 3 "link: and nothing needs to be repaired" \
    session_is vm1 .not_in_force null
tc qdisc del dev near7 root
wait_for 3 "link: repaired" grep -q 'repair 1 of 2' "$LOG"
tc qdisc del dev near7 root
wait_for 3 "link: repaired again" grep -q 'repair 2 of 2' "$LOG"
tc qdisc del dev near7 root
wait_for 3 "link: then given up" session_is vm1 .not_in_force given-up
check "link: and nothing of ours is there" \
    sh -c "! tc qdisc show dev near7 | grep -q 'htb 7666:'"
sent=$(status_of '.sessions[0].sent_bytes')
wait_for 5 "link: the migration goes on" sh -c "
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
wait_for 10 "root: another's is left alone, and said" \
    session_is vm1 .not_in_force kernel
tc qdisc del dev near0 root
wait_for 10 "root: when it is gone the class comes" \
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
    '[destination far]' 'deadline=7min'
wait_for 10 "name: its section counts" session_is vm1 .deadline_s 420
wait_for 10 "name: and it is steered" session_is vm1 .not_in_force null
daemon_stop
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100" \
    '[destination *.example]' 'deadline=8min'
wait_for 10 "name: so does that of a pattern" session_is vm1 .deadline_s 480
wait_for 10 "name: and it is steered as well" session_is vm1 .not_in_force null
daemon_stop
umount /etc/hosts

# --- a way that is not seen ---
daemon_start enforce "start=0.3,to=10.9.0.2:50123,mib=300"
wait_for 10 "unseen: that no connection is found is said" \
    grep -q "warning: .*'vm1': no connection of its own is seen" "$LOG"
check "unseen: and shown" session_is vm1 .not_in_force no-stream
check_equal "unseen: nothing is shaped" "" "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop

# --- what a guest's description says ---
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1'
    mode='observe' priority='9'/>"
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 10 "metadata: a lower mode holds" session_is vm1 .mode observe
check "metadata: a higher priority does not" session_is vm1 .priority 5
check "metadata: nothing is aborted where nothing is changed" sh -c \
    "! '$VMFERRY' cancel vm1 2>'$WORK/cancel'"
check "metadata: which is said" grep -q 'in mode observe' "$WORK/cancel"
check "metadata: and it goes on" session_is vm1 .state precopy
daemon_stop
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100" 'metadata=yes'
wait_for 10 "metadata: if they may, they count" session_is vm1 .priority 9
daemon_stop
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1'
    mode='enforce'/>"
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 10 "metadata: nobody has himself steered" session_is vm1 .mode observe
check_equal "metadata: so there is no class" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop
export VMFERRY_FAKE_METADATA="<guest xmlns='urn:vmferry:guest:1' mode='often'/>"
daemon_start observe "start=0.3,to=10.9.0.2:49152,mib=100"
wait_for 10 "metadata: nonsense is said, and nothing of it holds" \
    grep -q "warning:.*vm1.*often" "$LOG"
check "metadata: the file does" session_is vm1 .mode observe
daemon_stop
unset VMFERRY_FAKE_METADATA

# --- what a reload leaves as it is, and what a destination changes ---
BREAKER='{"near0": {"level": "observe", "good": 0, "needed": 3,
    "returned": false, "reason": "wrong too often", "runs": []}}'
daemon_start enforce "start=0.3,to=10.9.0.2:49152,mib=100" \
    '[destination 10.9.0.0/24]' 'deadline=7min'
wait_for 10 "reload: its destination's deadline is its own" \
    session_is vm1 .deadline_s 420
check "reload: the circuit breaker's word holds" session_is vm1 .mode observe
check "reload: priority is set" "$VMFERRY" set vm1 priority=8
sed -i 's/deadline=7min/deadline=8min/' "$WORK/conf"
kill -HUP "$DAEMON"
wait_for 5 "reload: the deadline is the new one" \
    session_is vm1 .deadline_s 480
check "reload: what was set stays set" session_is vm1 .priority 8
check "reload: the circuit breaker's word still holds" \
    session_is vm1 .mode observe
check_equal "reload: so there is no class" "" \
    "$(tc qdisc show | grep 'htb 7666:')"
daemon_stop
rm "$RECORDS/breaker.json"
BREAKER=

# --- a guest that stays and sends; a macvlan is its interface ---
ip link add link near0 name app0 address 52:54:00:00:00:02 type macvlan \
    mode bridge
unshare --net sleep 600 &
APP=$!
wait_for 50 "stays: there is a guest's namespace" sh -c \
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
wait_for 15 "stays: seen to be network-intensive" \
    grep -q "guest 'vm2': is network-intensive" "$LOG"
wait_for 10 "stays: the migration leaves it what it needs" \
    grep -Eq "guest 'vm1'.* of the free (3[0-6]|2[0-9])\\.[0-9] Mbit/s" "$LOG"
before=$(application) began=${EPOCHREALTIME/[.,]/}
sleep 4 # what is measured, by the clock
check_number "stays: what it gets beside greedy flows, kbit/s" \
    "$((($(application) - before) * 8000 / (${EPOCHREALTIME/[.,]/} - began)))" \
    '>=' 11800
check_equal "stays: the migration has a class of its own" 1 \
    "$(tc class show dev near0 | grep -c '7666:1000 ')"
daemon_stop
kill "${flows[@]}" "$APP"

# --- a guest that leaves has sent before ---
daemon_start enforce "start=6,to=10.9.0.2:49152,mib=60,rate=100,set=500,sends=12"
wait_for 20 "sent: its migration is steered" session_is vm1 .not_in_force null
wait_for 3 "sent: its application has a class" \
    sh -c "tc class show dev near0 | grep -q '7666:4000 '"
check_number "sent: of what it sent before, kbit/s" \
    "$(status_of '.sessions[0].application_bytes_s * 8 / 1000 | floor')" \
    '>=' 11800
check_equal "sent: no change was refused" 0 "$(grep -c 'do not fit' "$LOG")"
daemon_stop

# --- one that cannot converge ---
hopeless="start=1,to=10.9.0.2:49152,mib=12,rate=2500,set=3000"
daemon_start enforce "$hopeless" '[ladder]' 'allow=guarantee downtime' \
    'downtime-max=4s' '[starter others]' 'allow=guarantee downtime'
wait_for 40 "ladder: it ends" records_are 1
check_equal "ladder: with a longer stop" completed \
    "$(record vm1 .outcome.status)"
check "ladder: which is said" grep -q 'raises the downtime limit' "$LOG"
check_equal "ladder: and in the record, with what became of it" \
    "take downtime true" "$(record vm1 '.extra.ladder |
        map(select(.step == "downtime")) | first |
        "\(.act) \(.step) \(.done)"')"
daemon_stop
daemon_start enforce "start=0.5,to=10.9.0.2:49152,mib=48,rate=6000,set=9000" \
    '[ladder]' 'allow=guarantee downtime' 'downtime-max=30s' \
    '[starter others]' 'allow=guarantee downtime'
wait_for 40 "ladder: a limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: a guest's limit is its own within a second" \
    grep -q '"limit_ms":300}' "$VMFERRY_FAKE_LOG"
rm "$VMFERRY_DISABLED"
daemon_stop
daemon_start observe "$hopeless,mbit=30" '[ladder]' 'allow=guarantee downtime' \
    'downtime-max=4s' '[starter others]' 'allow=guarantee downtime'
wait_for 20 "observe: what would be done is said" \
    grep -q 'raises the downtime limit.*not carried out' "$LOG"
check_equal "observe: and not done" "" "$(tc qdisc show | grep 'htb 7666:')"
check_equal "observe: on the guest neither" 0 \
    "$(cat "$VMFERRY_FAKE_LOG" 2>/dev/null | grep -c limit_ms)"
daemon_stop

# --- post-copy, where it is allowed ---
export VMFERRY_FAKE_ON_POSTCOPY="tc class show dev near0 >$WORK/at-switch"
export VMFERRY_FAKE_PAUSE=$WORK/pause
: >"$VMFERRY_FAKE_PAUSE"
daemon_start enforce "$hopeless,postcopy=1" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 40 "post-copy: it is switched to" \
    grep -q "guest 'vm1': post-copy" "$LOG"
check_number "post-copy: the guarantee before the switch, of 48.5 Mbit/s" \
    "$(sed -n 's/^class htb 7666:1000 .* rate \([0-9]*\)Kbit .*/\1/p' \
        "$WORK/at-switch")" '>=' 46000
wait_for 5 "post-copy: paused, it is said" \
    session_is vm1 .state postcopy-paused
check "post-copy: with the command that continues it" session_is vm1 .recover \
    'virsh -c qemu:///system migrate --live --p2p --postcopy --postcopy-resume vm1 qemu+ssh://10.9.0.2/system'
check_equal "post-copy: and it is an alert" postcopy-paused \
    "$(status_of '.alerts[].alert')"
check_equal "post-copy: that it is paused is warned of once" 1 \
    "$(grep -c 'warning: .*post-copy is paused' "$LOG")"
rm "$VMFERRY_FAKE_PAUSE"
wait_for 5 "post-copy: it goes on" session_is vm1 .state postcopy
wait_for 40 "post-copy: it ends" records_are 1
check_equal "post-copy: as others do" completed "$(record vm1 .outcome.status)"
daemon_stop
export VMFERRY_FAKE_DEVICES="<hostdev mode='subsystem' type='pci'><source>
    <address domain='0' bus='1' slot='0' function='0'/></source></hostdev>"
daemon_start enforce "$hopeless,postcopy=1" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 40 "post-copy: not with devices of the host" \
    grep -q 'ruled out: the guest has host devices' "$LOG"
daemon_stop
unset VMFERRY_FAKE_ON_POSTCOPY VMFERRY_FAKE_DEVICES VMFERRY_FAKE_PAUSE

# --- its death, and libvirt's; guests in processes of their own, whose sockets
# tell whose connection is whose ---
export VMFERRY_FAKE_STATE=$WORK/host
rm -rf "$RECORDS"
mount -t tmpfs none /run
mkdir -p /run/libvirt/qemu
two="start=0.5,to=10.9.0.2:49152,mib=48,rate=300,set=1000;\
start=0.5,to=10.9.0.2:49153,mib=48,rate=300,set=1000"
export VMFERRY_FAKE_GUESTS=$two
for i in 1 2; do
    "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" $i \
        00000000-0000-4000-8000-00000000000$i &
    guest[i]=$!
    echo $! >/run/libvirt/qemu/vm$i.pid
    wait_for 5 "death: there is a host" test -s "$VMFERRY_FAKE_STATE"
done
daemon_start enforce "$two"
RANDOM=7
for ((k = 0; k < 10; k++)); do
    # a moment of the seed's choosing
    sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
    kill -9 "$DAEMON"
    wait "$DAEMON" 2>/dev/null
    daemon_start enforce "$two" >/dev/null
done
for i in 1 2; do
    wait_for 5 "death: after ten, vm$i is in its class" \
        session_is vm$i .not_in_force null
    check "death: and it is its own" session_is vm$i .port $((49151 + i))
done
check_equal "death: two owners, both alive" "true true" \
    "$(jq -r '[.owners[].pid] | map(. == '"$DAEMON"') | join(" ")' \
        "$WORK"/run/tc-*.json)"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 5 "libvirt: its loss is noticed" \
    grep -q 'the connection to libvirt broke' "$LOG"
check "libvirt: the classes stay" sh -c \
    "[ \$(tc class show dev near0 | grep -c '7666:100[01] ') = 2 ]"
# what old connections still say comes late, and is about themselves: the second
# is lost as well, before it has told of the guests
: >"$VMFERRY_FAKE_STATE.slow"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 10 "libvirt: connected again" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 2 ]"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 5 "libvirt: and lost again" sh -c \
    "[ \$(grep -c 'the connection to libvirt broke' '$LOG') = 2 ]"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 10 "libvirt: connected once more" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 3 ]"
sleep 2 # then the last of it has been said
rm "$VMFERRY_FAKE_STATE.slow"
sent=$(status_of '.sessions[] | select(.guest == "vm1") | .sent_bytes')
wait_for 5 "libvirt: its sessions listen to the new one" sh -c "
    [ \$('$VMFERRY' status --json | jq '.sessions[] | select(.guest == \"vm1\")
        | .sent_bytes') -gt $sent ]"
wait_for 60 "death: both have ended" sh -c \
    "[ \$(grep -c 'migration completed' '$LOG') = 2 ]"
wait "${guest[1]}" "${guest[2]}"
for i in 1 2; do
    wait_for 5 "death: vm$i's record is written" record vm$i .outcome.status
    check_number "death: what libvirt said of vm$i's end was heard, ms" \
        "$(record vm$i .outcome.total_ms)" '>' 1000
done
check_equal "death: as the guests say" 2 \
    "$(grep -c '"end":"completed"' "$VMFERRY_FAKE_LOG")"
wait_for 5 "death: nothing is left, and it still runs" sh -c \
    "! tc qdisc show | grep -q 'htb 7666:'"
daemon_stop

# --- its death in post-copy ---
rm -f "$VMFERRY_FAKE_STATE"
export VMFERRY_FAKE_GUESTS="$hopeless,postcopy=1"
export VMFERRY_FAKE_PAUSE=$WORK/pause
: >"$VMFERRY_FAKE_PAUSE" # it lasts until the next one is there
"$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" 1 \
    00000000-0000-4000-8000-000000000001 &
guest=($!)
echo $! >/run/libvirt/qemu/vm1.pid
wait_for 5 "death in post-copy: there is a host" test -s "$VMFERRY_FAKE_STATE"
daemon_start enforce "$VMFERRY_FAKE_GUESTS" '[ladder]' 'allow=post-copy' \
    '[starter others]' 'allow=post-copy'
wait_for 40 "death in post-copy: it is switched to" \
    grep -q "guest 'vm1': post-copy" "$LOG"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
daemon_start enforce "$VMFERRY_FAKE_GUESTS"
wait_for 3 "death in post-copy: the next one knows" \
    grep -q "guest 'vm1': post-copy: the guest waits" "$LOG"
rm "$VMFERRY_FAKE_PAUSE"
unset VMFERRY_FAKE_PAUSE
wait_for 10 "death in post-copy: it ends" \
    grep -q "guest 'vm1': migration completed" "$LOG"
daemon_stop

# --- stopped while libvirt is away: what it changed the next start puts back ---
rm -f "$VMFERRY_FAKE_STATE" "$VMFERRY_FAKE_LOG"
limits=('[ladder]' 'allow=guarantee downtime' 'downtime-max=30s'
    '[starter others]' 'allow=guarantee downtime')
# by a port that is none of the usual
export VMFERRY_FAKE_GUESTS="start=0.5,to=10.9.0.2:50123,mib=48,rate=6000,set=9000"
"$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" 1 \
    00000000-0000-4000-8000-000000000001 &
guest=($!)
echo $! >/run/libvirt/qemu/vm1.pid
wait_for 5 "away: there is a host" test -s "$VMFERRY_FAKE_STATE"
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 5 "away: its connection is found by what its process holds and sent" \
    session_is vm1 .port 50123
wait_for 40 "away: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 5 "away: libvirt is gone" \
    grep -q 'the connection to libvirt broke' "$LOG"
daemon_stop
rm "$VMFERRY_FAKE_STATE.down"
daemon_start observe "$VMFERRY_FAKE_GUESTS"
wait_for 5 "away: the old one is put back" \
    grep -q 'the maximum downtime is 300 ms again' "$LOG"
kill "${guest[0]}"
daemon_stop

# --- or the same one, when libvirt is back, or the guest can be had ---
fake_guest() {
    rm -f "$VMFERRY_FAKE_STATE" "$VMFERRY_FAKE_LOG"
    "$TEST_BUILD/tests/fakes/fake-guest" "$VMFERRY_FAKE_STATE" 1 \
        00000000-0000-4000-8000-000000000001 &
    guest=($!)
    echo $! >/run/libvirt/qemu/vm1.pid
    wait_for 5 "$1: there is a host" test -s "$VMFERRY_FAKE_STATE"
}
fake_guest back
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 40 "back: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.down"
wait_for 5 "back: libvirt is gone" \
    grep -q 'the connection to libvirt broke' "$LOG"
: >"$VMFERRY_DISABLED"
wait_for 5 "back: switched off, nobody hears it" \
    grep -q 'not put back yet' "$LOG"
rm "$VMFERRY_FAKE_STATE.down"
wait_for 10 "back: with libvirt the old one is back" \
    grep -q '"limit_ms":300}' "$VMFERRY_FAKE_LOG"
rm "$VMFERRY_DISABLED"
kill "${guest[0]}"
daemon_stop
fake_guest end
daemon_start enforce "$VMFERRY_FAKE_GUESTS" "${limits[@]}"
wait_for 40 "end: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
daemon_stop
check "end: who stops puts it back first" \
    sh -c "tail -n 1 '$VMFERRY_FAKE_LOG' | grep -q '\"limit_ms\":300}'"
kill "${guest[0]}"
fake_guest late
daemon_start enforce "$VMFERRY_FAKE_GUESTS" '[ladder]' \
    'allow=guarantee downtime abort' 'downtime-max=30s' \
    '[starter others]' 'allow=guarantee downtime abort'
wait_for 40 "late: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_FAKE_STATE.refuse"
check "late: it is cancelled" "$VMFERRY" cancel vm1
wait_for 10 "late: it ends, and the limit stays for now" \
    grep -q 'is not put back: .*trying again' "$LOG"
rm "$VMFERRY_FAKE_STATE.refuse"
wait_for 20 "late: it is put back while the daemon runs" \
    grep -q 'the maximum downtime is 300 ms again' "$LOG"
wait "${guest[0]}" 2>/dev/null
daemon_stop
unset VMFERRY_FAKE_STATE

# --- 64 at once ---
many=
for i in $(seq 0 63); do
    many="$many;start=1,to=10.9.0.2:$((49152 + i)),mib=4,rate=20,set=200,mbit=6"
done
daemon_start observe "${many#;}"
wait_for 10 "many: 64 sessions" sh -c \
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
finish
