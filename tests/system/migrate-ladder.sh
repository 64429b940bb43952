#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-ladder.sh - guests that do not converge, and what may be done
#
# A guest that writes faster than the wire carries: with nothing allowed and a
# deadline it is given up as soon as that is sure, with what would have helped,
# and lives on. With post-copy allowed it goes. One that writes a small set over
# and over goes when its downtime limit may be raised, and the limit is put back.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

# ladder FILTER: of the record's steps
ladder() {
    jq -r ".extra.ladder // [] | $1" "$RECORD"
}

check_record() {
    check "$1: its record fits the schema and replays" \
        "$TEST_BUILD/tests/system/check-record" \
        "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"
}

# restless RATE SET: what the guest writes from now on, pages a second in MiB
restless() {
    check "the guest writes $1 pages a second in $2 MiB" \
        tb ask vm1 "rate=$1"
    check "... within that set" tb ask vm1 "set=$2"
}

testbed_up --hosts 2 --wire 200mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=30000,set=48
tc_before=$(host_tc 1)
tuned=$(tuned vm1 1)
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)

# --- nothing is allowed, and there is a deadline ---
vmferry 1 migrate --live --p2p --link mig0=200mbit --allow none \
    --deadline 100 --record "$RECORD" vm1 "$(uri 2)"
check_run "given up" 1
check_says "given up: says why, and what would have helped" \
    'given up: .*not converge.*what would help: .*post-copy'
check_equal "given up: in the record" aborted \
    "$(jq -r .outcome.status "$RECORD")"
check_number "given up: said in iteration" "$(ladder '.[0].iter')" '<=' 4
check_equal "given up: the step" 'take abort true' \
    "$(ladder 'last | "\(.act) \(.step) \(.done)"')"
check_number "given up: long before the deadline, s" \
    "$(jq .outcome.total_ms/1000 "$RECORD")" '<' 60
check_record "given up"
check_lived "given up" vm1 1 "$boot" "$counter"
check_same "given up: host1 is as before" "$tc_before" "$(host_tc 1)"
check_equal "given up: what libvirt was told is put back" "$tuned" \
    "$(tuned vm1 1)"

# --- post-copy is allowed ---
vmferry 1 migrate --live --p2p --link mig0=200mbit --allow post-copy \
    --record "$RECORD" vm1 "$(uri 2)"
check_run "post-copy" 0
check_equal "post-copy: the step" 'take post-copy true' \
    "$(ladder 'map(select(.step == "post-copy")) | last |
        "\(.act) \(.step) \(.done)"')"
check_number "post-copy: taken in iteration" \
    "$(ladder 'map(select(.step == "post-copy")) | last.iter')" '<=' 8
check_record "post-copy"
check_lived "post-copy" vm1 2 "$boot" "$counter"

# --- a small set, and a downtime limit that may be raised ---
restless 20000 6
tuned=$(tuned vm1 2)
counter=$(guest_value vm1 counter)
vmferry 2 migrate --live --p2p --link mig0=200mbit --allow downtime \
    --downtime 60 --downtime-max 3000 --record "$RECORD" vm1 "$(uri 1)"
check_run "downtime" 0
check_equal "downtime: the step" 'take downtime true' \
    "$(ladder 'map(select(.step == "downtime")) | first |
        "\(.act) \(.step) \(.done)"')"
check_record "downtime"
check_lived "downtime" vm1 1 "$boot" "$counter"
check_equal "downtime: the limit is put back" "$tuned" "$(tuned vm1 1)"
finish
