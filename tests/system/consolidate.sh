#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# consolidate.sh - a host is emptied by vmferry-consolidate, killed in its middle
#
# Two guests, one defined and one transient. The manager is on a third host and
# reaches both libvirts over the network. It is killed with the first migration
# under way; the next one finds it in the journal, begins the second shortly before
# the end of the first, and no guest is moved twice.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

CONF=$WORK/consolidate.conf
JOURNAL=$WORK/consolidate/journal
PROGRAM=$TEST_BUILD/tools/consolidate/vmferry-consolidate

# consolidate COMMAND...: on the third host
consolidate() {
    tb exec client timeout 120 "$PROGRAM" "$@" --config "$CONF" </dev/null
}

guests() {
    tb virsh "$1" list --name "${@:2}" | sort | xargs
}

# steps STATE: how many steps of the journal entered it
steps() {
    grep '"what":"step"' "$JOURNAL" | grep -c "\"state\":\"$1\""
}

testbed_up --hosts 2 --wire 50mbit
start_guest vm1 --host 1 --memory 128 --workload idle --persistent
start_guest vm2 --host 1 --memory 128 --workload idle
for guest in 1 2; do
    boot[guest]=$(guest_value vm$guest boot_id)
    counter[guest]=$(guest_value vm$guest counter)
done
cat >"$CONF" <<EOF
[service]
state = $WORK/consolidate
socket = $WORK/consolidate.sock
sample = 500ms
patience = 30s
[consolidate]
cycle = 5s
[network]
link = 50mbit
[budget]
surprise = 0
[host host1]
uri = $(uri 1)
cores = 4
memory = 1GiB
[host host2]
uri = $(uri 2)
cores = 4
memory = 1GiB
EOF

check_status "status: both hosts" 0 'host1 +up +2 ' consolidate status
check_status "a plan to look at" 0 '^plan plan-' consolidate plan
check_equal "nothing has moved" "vm1 vm2" "$(guests 1)"

consolidate evacuate host1 >"$WORK/killed.out" 2>&1 &
wait_for 60 "the first migration is under way" \
    grep -q '"state":"running"' "$JOURNAL" || bail "$(cat "$WORK/killed.out")"
kill -KILL "$(cat "$JOURNAL.lock")"
wait
check_status "taken up again" 0 'is over' consolidate apply
for guest in 1 2; do
    check_lived "evacuated" vm$guest 2 "${boot[guest]}" "${counter[guest]}"
done
check_equal "each was begun once" 2 "$(steps starting)"
check_equal "each came to its end" 2 "$(steps "done")"
check_equal "what each sent is known, and how long its guest stood" 2 \
    "$(jq -s '[.[] | select(.state == "done" and .bytes > 0 and
        .downtime_s > 0)] | length' "$JOURNAL")"
check_equal "host1 knows no guest" "" "$(guests 1 --all)"
check_equal "vm1 is defined on host2" "vm1" "$(guests 2 --persistent)"
# held to its end it would take 90 s and more
check "the second was held no longer than the first ran" \
    jq -e -s 'map(select(.step == 1 and .state == "done")) |
        length == 1 and .[0].took_s < 70' "$JOURNAL"
check_status "both stand in the history" 0 'vm1 +host1 +host2 +done' \
    consolidate history
check_status "the host stays empty" 0 'host1 +up, evacuated +0 ' \
    consolidate status
check_status "nothing is left to do" 0 'nothing is to be moved' \
    consolidate evacuate host1
check_status "it is released" 0 '' consolidate release host1
finish
