#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-announce.sh - "vmferry migrate" and vmferryd, and the end of either
#
# The daemon reserves for a migration that it was told of, in its own process;
# without it, or refused by it, vmferry migrate reserves by itself. Killing one
# of the two in the middle harms neither the migration nor the guest.
# Takes some 90 s.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# of status; the words of the one session there is
session_of() {
    status_of ".sessions[0] | $1"
}

# status_is FILTER WANTED
# shellcheck disable=SC2317 # called by wait_for
status_is() {
    [ "$(status_of "$1")" = "$2" ]
}

# back: the guest is on host1 again, unseen and fast
back() {
    [ "$(guest_place vm1)" = host1 ] && return
    tb wire unlimited
    tb virsh 2 migrate --live --p2p vm1 "$(uri 1)" >/dev/null ||
        bail "virsh does not bring the guest back"
    tb wire 100mbit
}

# begin OPTION...: vmferry migrate beside the test
begin() {
    back
    boot=$(guest_value vm1 boot_id)
    counter=$(guest_value vm1 counter)
    vmferry_start 1 migrate --live --p2p --record "$RECORD" "$@" vm1 "$(uri 2)"
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 128 --workload memory \
    --workload-args rate=200,set=8
clean=$(host_tc 1)

# --- told of it, the daemon steers ---
configure enforce 100mbit
daemon_start
begin --verbose --deadline 200
wait_for 60 "the session is in force" session_is vm1 .not_in_force null
check_equal "it is ours" "vmferry vmferry 200 qemu+tcp://10.77.0.2/system" \
    "$(session_of '"\(.starter) \(.starter_program) \(.deadline_s) \(.destination)"')"
check_equal "the class belongs to the daemon" "$DAEMON" \
    "$(tb exec 1 "$VMFERRY" tc show --json |
        jq -r '.links[0].owners[0].pid')"
vmferry_wait
check_run "steered by the daemon" 0
check_says "who steers is said" "vmferryd steers this migration, session"
check_says "its decisions are shown" "reserve [0-9.]+ [kMG]bit/s"
check_number "they are in the record" \
    "$(jq '[.decisions[] | select(.step == "set")] | length' "$RECORD")" '>' 0
check_number "and what was in force" \
    "$(jq '[.iterations[].reserved_bytes_s] | max' "$RECORD")" '>' 0
check_equal "the policy as well" default "$(jq -r .policy "$RECORD")"
check_lived "steered by the daemon" vm1 2 "$boot" "$counter"
check_same "host1 is as before" "$clean" "$(host_tc 1)"
check_equal "the daemon remembers it" "vm1 completed vmferry" \
    "$(tb exec 1 "$VMFERRY" history --history none --json |
        jq -r '.runs[0] | "\(.guest) \(.status) \(.starter)"')"

# --- vmferry migrate is killed: libvirt goes on, the daemon too ---
begin --json --link mig0=100mbit
pass_begun "vmferry migrate killed" 1
session=$(session_of .session)
kill -KILL "$VMFERRY_PID"
wait "$VMFERRY_PID" 2>/dev/null
wait_for 30 "the session is one that others started" \
    session_is vm1 .starter others
check_equal "and the same one" "$session" "$(session_of .session)"
wait_for 60 "it is over" status_is '.sessions | length' 0
check_lived "vmferry migrate killed" vm1 "$(guest_place vm1 | tr -dc 12)" \
    "$boot" "$counter"
check_same "host1 is as before" "$clean" "$(host_tc 1)"

# --- the daemon is killed: the migration goes on ---
begin --json --link mig0=100mbit
pass_begun "vmferryd killed" 1
wait_for 60 "its class is there" has_tree 1
daemon_stop KILL
vmferry_wait
check_run "vmferryd killed" 0
check "it is said" grep -q "vmferryd is gone.*the migration goes on" "$OUT"
check_lived "vmferryd killed" vm1 2 "$boot" "$counter"
tb exec 1 "$VMFERRY" tc clear >/dev/null
check "what it left can be removed" has_no_tree 1

# --- a daemon that changes nothing leaves it to us ---
configure observe 100mbit
daemon_start
begin --verbose --link mig0=100mbit
wait_for 60 "we reserve" has_tree 1
check_equal "the daemon leaves it alone" 0 "$(status_of '.sessions | length')"
vmferry_wait
check_run "steered alone" 0
check_says "it is said" "vmferryd does not steer.*in mode observe"
daemon_stop
check_same "host1 is as before" "$clean" "$(host_tc 1)"
explain_daemon
finish
