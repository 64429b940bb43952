#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon.sh - vmferryd beside plain `virsh migrate', on one testbed
#
#   observe   vm1 leaves; nothing is changed anywhere, and all is recorded
#   enforce   vm2 (--p2p) and vm3 (not p2p) leave in the same second, beside
#             four flows: whose bytes are in whose class; the daemon is killed
#             and started again in mid-migration, and our tree is taken away by
#             somebody else
#   disabled  the file takes everything off vm4's migration within a second
#   stopped   SIGTERM leaves vm4 plain
#   libvirtd  is killed under vm4's migration; the daemon is there again
#
# Takes some two minutes and a half.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

VMFERRYD=$TEST_BUILD/controller/daemon/vmferryd
CONF=$WORK/vmferry.conf
LOG=$WORK/daemon.log
RECORDS=$WORK/records
export VMFERRY_DISABLED=$WORK/disabled
TESTBED=$TEST_SOURCE/tools/testbed/vmferry-testbed

# configure MODE
configure() {
    cat >"$CONF" <<END
[daemon]
mode=$1
records=$RECORDS
journal=$WORK/journal.db
history=$WORK/history.db
log=debug
[link mig0]
capacity=50mbit
END
}

# daemon_start: on host1, and it watches
daemon_start() {
    : >"$LOG"
    "$TESTBED" exec 1 "$VMFERRYD" --config "$CONF" 2>>"$LOG" &
    DAEMON=$!
    wait_for 20 "vmferryd watches (start $((++STARTS)))" \
        grep -q 'watching the migrations' "$LOG"
}
STARTS=0

# virsh_start GUEST FLAG...: beside the test, as others would
virsh_start() {
    "$TESTBED" virsh 1 migrate --live "${@:2}" "$1" "$(uri 2)" \
        >"$WORK/virsh-$1" 2>&1 &
    VIRSH[${1#vm}]=$!
}

# virsh_wait GUEST: how it ended, in $status
virsh_wait() {
    wait "${VIRSH[${1#vm}]}"
    status=$?
}

# session GUEST FILTER: of the status document
session() {
    "$TESTBED" exec 1 "$VMFERRY" status --json 2>/dev/null |
        jq -r ".sessions[] | select(.guest == \"$1\") | $2"
}

# session_is GUEST FILTER WANTED
session_is() {
    [ "$(session "$1" "$2")" = "$3" ]
}

# session_says GUEST FILTER: it holds true
session_says() {
    [ "$(session "$1" "$2")" = true ]
}

# record_of GUEST FILTER: of its newest record
record_of() {
    local file

    file=$(grep -l "\"name\":\"$1\"" "$RECORDS"/2*.json | tail -n 1)
    [ -n "$file" ] && jq -r "$2" "$file"
}

# found_ms GUEST: from the first sign to its stream
found_ms() {
    sed -n "s/.*guest '$1': its stream goes to .* found \([0-9]*\) ms .*/\1/p" \
        "$LOG" | tail -n 1
}

# explain_daemon: what it said, after a failed check
explain_daemon() {
    [ "$TEST_FAILURES" = 0 ] || sed 's/^/  vmferryd| /' "$LOG" | tail -n 60
}

# check_completed GUEST: by libvirt, and by the record
check_completed() {
    virsh_wait "$1"
    check_equal "$1: virsh" 0 "$status"
    wait_for 5 "$1: its record is written" record_ended "$1"
    check_equal "$1: record" completed "$(record_of "$1" .outcome.status)"
    check_equal "$1: where it is" host2 "$(guest_place "$1")"
}

record_ended() {
    [ -n "$(record_of "$1" .outcome.status)" ]
}

testbed_up --hosts 2 --wire 50mbit
configure observe
daemon_start
check_status "a second daemon is refused" 1 "process $DAEMON" \
    "$TESTBED" exec 1 "$VMFERRYD" --config "$CONF"
for i in 1 2 3 4; do
    start_guest "vm$i" --host 1 --memory 128 --workload memory \
        --workload-args rate=300,set=8 >"$WORK/guest-$i" 2>&1 &
    starting[i]=$!
done
for i in 1 2 3 4; do
    wait "${starting[i]}" || bail "guest vm$i does not start"
done
clean=$(host_tc 1)

# --- observe ---
virsh_start vm1 --p2p
wait_for 20 "observe: a session is there" session_is vm1 .mode observe
wait_for 20 "observe: it decides" session_says vm1 '.decision != null'
check_same "observe: no tc at all" "$clean" "$(host_tc 1)"
check_equal "observe: and that is said" mode "$(session vm1 .not_in_force)"
check_completed vm1
check_number "observe: its stream was found, ms" "$(found_ms vm1)" '<' 500
check_number "observe: decisions in the record" \
    "$(record_of vm1 '.decisions | length')" '>=' 2
check_equal "observe: that were carried out" 0 \
    "$(record_of vm1 '[.decisions[] | select(.applied)] | length')"
check_equal "observe: mode in the record" observe \
    "$(record_of vm1 .extra.daemon.mode)"
check_number "observe: the connection's bytes and QEMU's, per cent" \
    "$(record_of vm1 '.shaping.stream_bytes / .outcome.bytes * 100')" '>=' 95
check "observe: its record fits the schema and replays" \
    "$TEST_BUILD/tests/system/check-record" \
    "$TEST_SOURCE/docs/run-record.schema.json" \
    "$(grep -l '"name":"vm1"' "$RECORDS"/2*.json)"
check_equal "observe: the track record has it" 1 \
    "$("$TESTBED" exec 1 "$VMFERRY" status --json |
        jq .track_record.runs)"

# --- enforce: two at once, beside four flows ---
tb cross start --flows 4
configure enforce
kill -HUP "$DAEMON"
wait_for 5 "enforce: the configuration is read anew" \
    grep -q 'observe -> enforce' "$LOG"
virsh_start vm2 --p2p
virsh_start vm3
for guest in vm2 vm3; do
    wait_for 20 "enforce: $guest has its share" \
        session_is $guest .not_in_force null
    check_number "enforce: $guest was found, ms" "$(found_ms $guest)" '<' 500
done
check "enforce: our tree is on the link" has_tree 1
check "enforce: two ports" [ "$(session vm2 .port)" != "$(session vm3 .port)" ]
kill -9 "$DAEMON"
check "enforce: killed, the tree stays" has_tree 1
daemon_start
for guest in vm2 vm3; do
    wait_for 20 "enforce: $guest is taken over" \
        session_is $guest .not_in_force null
done
check_equal "enforce: one lease, two owners, both ours" 2 \
    "$(tb exec 1 "$VMFERRY" tc show --json mig0 |
        jq '[.links[0].owners[] | select(.alive)] | length')"
tb exec 1 tc qdisc del dev mig0 root
wait_for 5 "enforce: a tree that was removed stands again" has_tree 1
check_completed vm2
check_completed vm3
wait_for 5 "enforce: nothing is left" has_no_tree 1
for guest in vm2 vm3; do
    wire=$(record_of $guest '.shaping.class_bytes')
    check_number "enforce: $guest's foreign bytes in its class, per cent" \
        "$(record_of $guest '.shaping.foreign_bytes // 0')e2" '<=' "$wire"
    check_number "enforce: $guest's decisions" \
        "$(record_of $guest '.decisions | length')" '>=' 2
done

# --- the switch, the stop ---
virsh_start vm4 --p2p
wait_for 20 "disabled: vm4 has its share" session_is vm4 .not_in_force null
: >"$VMFERRY_DISABLED"
wait_for 1 "disabled: nothing is left within a second" has_no_tree 1
check_equal "disabled: and that is said" mode "$(session vm4 .not_in_force)"
rm "$VMFERRY_DISABLED"
wait_for 2 "disabled: on again" has_tree 1
kill -TERM "$DAEMON"
wait "$DAEMON"
check_equal "stopped: exit status" 0 "$?"
check "stopped: nothing is left" has_no_tree 1
check_equal "stopped: record" left "$(record_of vm4 .outcome.status)"

# --- libvirtd under it ---
daemon_start
wait_for 20 "libvirtd: vm4 is adopted in mid-migration" \
    session_is vm4 .mode enforce
tb libvirtd 1 kill
wait_for 5 "libvirtd: its loss is noticed" \
    grep -q 'the connection to libvirt broke' "$LOG"
check "libvirtd: the class stays" has_tree 1
tb libvirtd 1 start
wait_for 20 "libvirtd: connected again" sh -c \
    "[ \$(grep -c 'watching the migrations' '$LOG') = 2 ]"
wait_for 30 "libvirtd: the session has ended" \
    sh -c "grep -q \"guest 'vm4': migration \" '$LOG'"
wait_for 5 "libvirtd: nothing is left" has_no_tree 1
kill -TERM "$DAEMON"
wait "$DAEMON"
check_same "the host's traffic control is as it was" "$clean" "$(host_tc 1)"
check_equal "no lease is left" "" \
    "$(host_leases 1 | grep -v '^vmferryd.lock$')"
explain_daemon
finish
