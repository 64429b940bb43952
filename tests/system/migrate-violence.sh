#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-violence.sh - interrupted, killed, crowded
#
# Ctrl-C, daemons and vmferry itself killed while a guest is on its way, two
# migrations at once. Whatever happens, each guest lives on in one place with
# its memory intact, and in the end no class is left on the links.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

link=(--link mig0=100mbit)

# under_way WHAT FROM TO GUEST [ARGUMENT...]: a migration beside the test, in
# its first pass
under_way() {
    boot=$(guest_value "$4" boot_id)
    counter=$(guest_value "$4" counter)
    vmferry_start "$2" migrate --live --p2p --json --record "$RECORD" \
        "${link[@]}" "${@:5}" "$4" "$(uri "$3")"
    pass_begun "$1" 1
    check "$1: our tree is on the link" has_tree "$2"
}

# survived WHAT GUEST: it stays on host 1 and nothing of ours does
survived() {
    check_lived "$1" "$2" 1 "$boot" "$counter"
    check_same "$1: host1 is as before" "$clean" "$(clean_state 1)"
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=500,set=16
start_guest vm2 --host 1 --memory 128 --workload memory \
    --workload-args rate=200,set=8
clean=$(clean_state 1)
tuned=$(tuned vm1 1)

# --- Ctrl-C: what virsh does, then we ---
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)
interrupt_on_terminal 1 vm1 virsh migrate --live --p2p vm1 "$(uri 2)"
virsh=$status
check_equal "virsh, Ctrl-C: where the guest is" host1 "$(guest_place vm1)"
interrupt_on_terminal 1 vm1 "$VMFERRY" migrate --live --p2p "${link[@]}" \
    --record "$RECORD" vm1 "$(uri 2)"
check_run "Ctrl-C, as virsh" "$virsh"
check "Ctrl-C: libvirt's words are handed on" \
    grep -q "error: guest 'vm1'.*operation \(aborted\|failed\)" "$OUT"
survived "Ctrl-C" vm1
check_equal "Ctrl-C: what was changed is put back" "$tuned" "$(tuned vm1 1)"
check_equal "Ctrl-C: the record says so" aborted \
    "$(jq -r .outcome.status "$RECORD")"

under_way "SIGTERM" 1 2 vm1
kill -TERM "$VMFERRY_PID"
vmferry_wait
check_run "SIGTERM" 1
survived "SIGTERM" vm1

# --- the source's libvirtd dies ---
under_way "source's libvirtd killed" 1 2 vm1
tb libvirtd 1 kill
vmferry_wait
check_run "source's libvirtd killed" 1
check_says "source's libvirtd killed: the message" \
    "^error: .*connection to the source's libvirt.*vm1.*virsh -c .*domstate vm1"
check "source's libvirtd killed: no class is left" has_no_tree 1
check "source's libvirtd killed: the guest answers" tb ask vm1
tb libvirtd 1 start
survived "source's libvirtd killed" vm1
check_equal "source's libvirtd killed: the record says so" failed \
    "$(jq -r .outcome.status "$RECORD")"

# --- the destination's libvirtd dies ---
under_way "destination's libvirtd killed" 1 2 vm1
tb libvirtd 2 kill
vmferry_wait
check_run "destination's libvirtd killed" 1
check_says "destination's libvirtd killed: the message" \
    "^error: .*destination's libvirt daemon .*'vm1' is running on the source"
check "destination's libvirtd killed: the guest answers" tb ask vm1
tb libvirtd 2 start
survived "destination's libvirtd killed" vm1

# --- two at once on one link; the long one cannot end before it may ---
tb ask vm1 set=64 >/dev/null
tb ask vm1 rate=20000 >/dev/null
under_way "two at once, the long one" 1 2 vm1
first=$VMFERRY_PID
long=("$boot" "$counter")
OUT=$WORK/out.2 ERR=$WORK/err.2 RECORD=$WORK/record.2.json
under_way "two at once, the short one" 1 2 vm2
check_equal "two at once: trees" 1 \
    "$(tb exec 1 tc qdisc show dev mig0 | grep -c 'htb 7666:')"
check_equal "two at once: classes of migrations" 2 \
    "$(tb exec 1 tc class show dev mig0 |
        grep -Ec 'class htb 7666:1[0-9a-f]{3} ')"
check_equal "two at once: one lease with two owners" 2 \
    "$(tb exec 1 "$VMFERRY" tc show --json | grep -Eo '"uuid"' | wc -l)"
vmferry_wait
check_run "two at once, the short one" 0
check_lived "two at once, the short one" vm2 2 "$boot" "$counter"
check "two at once: the tree stays for the long one" has_tree 1
VMFERRY_PID=$first OUT=$WORK/out ERR=$WORK/err
tb ask vm1 set=8 >/dev/null
tb ask vm1 rate=200 >/dev/null
vmferry_wait
check_run "two at once, the long one" 0
check_lived "two at once, the long one" vm1 2 "${long[@]}"
check_same "two at once: the last one removes the tree" "$clean" \
    "$(clean_state 1)"

# --- vmferry itself is killed ---
under_way "vmferry killed" 2 1 vm1
kill -KILL "$VMFERRY_PID"
vmferry_wait
check "vmferry killed: its tree stays" has_tree 2
wait_for 300 "vmferry killed: the migration goes on to its end" \
    sh -c "'$TEST_SOURCE/tools/testbed/vmferry-testbed' virsh 1 domstate vm1 |
        grep -qx running &&
        ! '$TEST_SOURCE/tools/testbed/vmferry-testbed' virsh 2 domstate vm1"
check_lived "vmferry killed" vm1 1 "$boot" "$counter"

# the next one finds what it left
under_way "the next one" 2 1 vm2
vmferry_wait
check_run "the next one" 0
check_lived "the next one" vm2 1 "$boot" "$counter"
check_same "the next one: takes all away" "$clean" "$(clean_state 2)"

under_way "vmferry killed again" 1 2 vm2
check "tc clear: leaves alone what is in use" \
    tb exec 1 "$VMFERRY" tc clear
check "tc clear: it is still there" has_tree 1
kill -KILL "$VMFERRY_PID"
vmferry_wait
check "tc clear: takes what nobody holds" tb exec 1 "$VMFERRY" tc clear mig0
check_same "tc clear: all of it" "$clean" "$(clean_state 1)"
wait_for 300 "tc clear: the migration goes on to its end" \
    sh -c "'$TEST_SOURCE/tools/testbed/vmferry-testbed' virsh 2 domstate vm2 |
        grep -qx running &&
        ! '$TEST_SOURCE/tools/testbed/vmferry-testbed' virsh 1 domstate vm2"
check_lived "tc clear" vm2 2 "$boot" "$counter"
finish
