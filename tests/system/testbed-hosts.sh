#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# testbed-hosts.sh - an experiment on two hosts that are only known by their
# URIs: refused, interrupted, resumed
#
# Another guest runs on the source, which must not notice.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/testbed-hosts-lib.sh"

hosts_prepare
sed 's/wires = 200mbit/wires = 200mbit, 50mbit/' "$WORK/two.conf" \
    >"$WORK/other.conf"

testbed_up
check_status "hosts that let nobody in are refused" 1 \
    'ssh root@host1 does not work without a question: .*ssh-copy-id' \
    experiment two.conf
check "sshd runs on both" ssh_prepare
start_guest bystander --host 1 --memory 128 --workload idle
boot_id=$(guest_value bystander boot_id)
check_status "a wire that nobody sets has one rate" 2 \
    'wires of 200mbit and of 50mbit, but nothing sets the rate' \
    experiment other.conf
check_status "a bridge that is missing is said" 1 \
    'host1 has no bridge br7 for the guests: --bridge' \
    experiment two.conf --bridge br7
nothing_left "nothing is left of them"

interrupt "the second of two methods" two.conf
nothing_left "... nothing is left, here and on both hosts"
check_equal "... the result so far is kept" 1 "$(runs two)"
check "... it says how to go on" grep -q \
    'interrupted: --resume goes on with run 2 of 2' "$WORK/interrupted.log"
check "it goes on" experiment two.conf --wire-command "$WORK/set-wire"
check_equal "... with what was missing" 2 "$(runs two)"
nothing_left "... and nothing is left"
for method in virsh default; do
    run=r01-memory-200mbit-two-$method
    check_equal "$method: the guest arrived" completed \
        "$(result "$run" .outcome.status)"
    check_equal "... with its memory" 0 "$(result "$run" .outcome.wrong_pages)"
    check_number "... the client saw a stall, ms" \
        "$(result "$run" .application.during.stall_ms)" '>' 0
    check_number "... the cross traffic was counted, bytes/s" \
        "$(result "$run" .cross_traffic.during_bytes_s)" '>' 1000000
    check_number "... the source's processors were, share" \
        "$(result "$run" .cpu.busy)" '>' 0
done
check_equal "vmferry's record was fetched" vmferry-run/1 \
    "$(result "$run" .record.schema)"
check_equal "the other guest lives on" "$boot_id" \
    "$(guest_value bystander boot_id)"
finish
