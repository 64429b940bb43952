#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-announce.sh - "vmferry migrate" and vmferryd, and the end of either
#
# The daemon reserves for a migration that it was told of, in its own process;
# without it, or refused by it, vmferry migrate reserves by itself. Killing one
# of the two in the middle harms neither the migration nor the guest.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

VMFERRYD=$TEST_BUILD/controller/daemon/vmferryd
export VMFERRY_SOCKET=$WORK/control.sock
export VMFERRY_DISABLED=$WORK/disabled
DAEMON_LOG=$WORK/daemon.log

# daemon_up MODE: beside the test, listening
daemon_up() {
    cat >"$WORK/vmferry.conf" <<END
[daemon]
mode=$1
history=none
journal=$WORK/journal.db
records=$WORK/records
[control]
socket=$VMFERRY_SOCKET
[link mig0]
capacity=50mbit
END
    "$TEST_SOURCE/tools/testbed/vmferry-testbed" exec 1 "$VMFERRYD" \
        --config "$WORK/vmferry.conf" >>"$DAEMON_LOG" 2>&1 &
    DAEMON_PID=$!
    wait_for 10 "a daemon in mode $1 listens" \
        tb exec 1 "$VMFERRY" status || bail "$(cat "$DAEMON_LOG")"
}

daemon_down() {
    kill "${1:--TERM}" "$DAEMON_PID"
    wait "$DAEMON_PID" 2>/dev/null
}

status_of() {
    tb exec 1 "$VMFERRY" status --json | jq -r "$1"
}

# status_is FILTER WANTED
# shellcheck disable=SC2317 # called by wait_for
status_is() {
    [ "$(status_of "$1")" = "$2" ]
}

testbed_up --hosts 2 --wire 50mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=200,set=8
clean=$(host_tc 1)
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)

# --- told of it, the daemon steers ---
daemon_up enforce
vmferry_start 1 migrate --live --p2p --verbose --record "$RECORD" \
    --deadline 200 vm1 "$(uri 2)"
wait_for 60 "the session is in force" status_is .sessions[0].in_force true
check_equal "it is ours" "vmferry vmferry 200 qemu+tcp://10.77.0.2/system" \
    "$(status_of '.sessions[0] | "\(.starter) \(.starter_program) \(.deadline_s) \(.destination)"')"
check_equal "the class belongs to the daemon" "$DAEMON_PID" \
    "$(tb exec 1 "$VMFERRY" tc show --json |
        jq -r '.links[0].owners[0].pid')"
vmferry_wait
check_run "steered by the daemon" 0
check_says "who steers is said" "vmferryd steers this migration, session"
check_says "its decisions are shown" "reserve [0-9.]+ [kMG]bit/s"
check_number "they are in the record" \
    "$(jq '[.decisions[] | select(.step == "set")] | length' "$RECORD")" \> 0
check_number "and what was in force" \
    "$(jq '[.iterations[].reserved_bytes_s] | max' "$RECORD")" \> 0
check_equal "the policy as well" default "$(jq -r .policy "$RECORD")"
check_lived "steered by the daemon" vm1 2 "$boot" "$counter"
check_same "host1 is as before" "$clean" "$(host_tc 1)"
check_equal "the daemon remembers it" "vm1 completed vmferry" \
    "$(tb exec 1 "$VMFERRY" history --history none --json |
        jq -r '.runs[0] | "\(.guest) \(.status) \(.starter)"')"

# --- vmferry migrate is killed: libvirt goes on, the daemon too ---
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)
tb virsh 2 migrate --live --p2p vm1 "$(uri 1)" >/dev/null ||
    bail "virsh does not bring the guest back"
vmferry_start 1 migrate --live --p2p --json --link mig0=50mbit vm1 "$(uri 2)"
pass_begun "vmferry migrate killed" 1
session=$(status_of '.sessions[0].session')
kill -KILL "$VMFERRY_PID"
wait "$VMFERRY_PID" 2>/dev/null
wait_for 10 "the session is one that others started" \
    status_is .sessions[0].starter others
check_equal "and the same one" "$session" \
    "$(status_of '.sessions[0].session')"
wait_for 100 "it is over" status_is '.sessions | length' 0
check_lived "vmferry migrate killed" vm1 "$(guest_place vm1 | tr -dc 12)" \
    "$boot" "$counter"
check_same "host1 is as before" "$clean" "$(host_tc 1)"

# --- the daemon is killed: the migration goes on ---
[ "$(guest_place vm1)" = host1 ] ||
    tb virsh 2 migrate --live --p2p vm1 "$(uri 1)" >/dev/null
vmferry_start 1 migrate --live --p2p --json --link mig0=50mbit --record "$RECORD" vm1 "$(uri 2)"
pass_begun "vmferryd killed" 1
wait_for 60 "its class is there" has_tree 1
daemon_down -KILL
vmferry_wait
check_run "vmferryd killed" 0
check "it is said" grep -q "vmferryd is gone.*the migration goes on" "$OUT"
check_lived "vmferryd killed" vm1 2 "$boot" "$counter"
tb exec 1 "$VMFERRY" tc clear >/dev/null
check "what it left can be removed" has_no_tree 1

# --- a daemon that changes nothing leaves it to us ---
tb virsh 2 migrate --live --p2p vm1 "$(uri 1)" >/dev/null
daemon_up observe
vmferry_start 1 migrate --live --p2p --verbose --link mig0=50mbit vm1 "$(uri 2)"
wait_for 60 "we reserve" has_tree 1
check_equal "the daemon leaves it alone" 0 "$(status_of '.sessions | length')"
vmferry_wait
check_run "steered alone" 0
check_says "it is said" "vmferryd does not steer.*in mode observe"
daemon_down
check_same "host1 is as before" "$clean" "$(host_tc 1)"

finish
