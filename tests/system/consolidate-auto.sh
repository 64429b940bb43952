#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# consolidate-auto.sh - the service in mode auto brings two guests together
#
# Two hosts in two racks. a1 and a2 talk, c1 does not. Each host counts on its
# bridge and knows its own guests only, as the unit of vmferry-traffic has it,
# and one tells by a command, as over ssh; the manager sees what goes between the
# racks, moves one guest, and that is measured on the wire. Nobody tells it to.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

CONF=$WORK/consolidate.conf
PROGRAM=$TEST_BUILD/tools/consolidate/vmferry-consolidate
TRAFFIC=$TEST_BUILD/tools/traffic/vmferry-traffic
LOG=$WORK/service.log
TESTBED=$TEST_SOURCE/tools/testbed/vmferry-testbed

# consolidate COMMAND...: on the third host
consolidate() {
    tb exec client timeout 60 "$PROGRAM" "$@" --config "$CONF" </dev/null
}

captured() {
    [ -n "$("$TRAFFIC" history --list "$1")" ]
}

# wire_bytes: that have passed the cable of host 1, both ways
wire_bytes() {
    tb exec switch ip -j -s link show dev s1 |
        jq '.[0].stats64 | .rx.bytes + .tx.bytes'
}

# wire_rate: bytes a second there, for so long as it takes to tell
wire_rate() {
    local bytes began=${EPOCHREALTIME/[.,]/}

    bytes=$(wire_bytes)
    sleep 4
    echo $((($(wire_bytes) - bytes) * 1000000 /
        (${EPOCHREALTIME/[.,]/} - began)))
}

testbed_up --hosts 2 --wire 200mbit
# addresses go by the order: a1 has .1, a2 has .2
start_guest a1 --host 1 --memory 128 --workload idle \
    --workload-args chat=10.77.1.2:256
start_guest a2 --host 2 --memory 128 --workload idle \
    --workload-args chat=10.77.1.1:256
start_guest c1 --host 2 --memory 128 --workload idle
for guest in a1 a2 c1; do
    declare "boot_$guest=$(guest_value $guest boot_id)"
    declare "counter_$guest=$(guest_value $guest counter)"
done
captures=()
for host in 1 2; do
    "$TESTBED" exec $host "$TRAFFIC" live --interface br0 \
        --connect qemu:///system --guest-macs 52:54:00 --period 2 \
        --history "$WORK/traffic-$host.db" >"$WORK/traffic-$host.log" 2>&1 &
    captures+=($!)
done
cat >"$CONF" <<EOF
[service]
state = $WORK/consolidate
socket = $WORK/consolidate.sock
sample = 500ms
patience = 30s
traffic = $WORK/traffic-1.db
[reach host2]
traffic = $TRAFFIC history --since {since} --period 2 --json $WORK/traffic-2.db
[consolidate]
cycle = 5s
[network]
link = 200mbit
[triggers]
overloaded = off
far-traffic = every 10s
far-traffic-span = 10min
[budget]
surprise = 0
[host host1]
uri = $(uri 1)
rack = left
cores = 4
memory = 1GiB
[host host2]
uri = $(uri 2)
rack = right
cores = 4
memory = 1GiB
EOF
for host in 1 2; do
    wait_for 30 "host$host counts" captured "$WORK/traffic-$host.db" ||
        bail "$(cat "$WORK/traffic-$host.log")"
done
before=$(wire_rate)
check_number "they talk through the wire" "$before" '>' 300000

"$TESTBED" exec client "$PROGRAM" run --mode auto --config "$CONF" \
    >"$LOG" 2>&1 &
service=$!
wait_for 120 "a plan is made and carried out" grep -q '^plan .* is over' "$LOG"
sed 's/^/# /' "$LOG"
after=$(wire_rate)
check_number "what goes through the wire, of 100" \
    "$((100 * after / before))" '<' 20
check_equal "the pair is on one host" "$(guest_place a1)" "$(guest_place a2)"
check_equal "who does not talk stays" host2 "$(guest_place c1)"
place=$(guest_place a1)
for guest in a1 a2; do
    boot=boot_$guest counter=counter_$guest
    check_lived "$guest" $guest "${place#host}" "${!boot}" "${!counter}"
done
check_equal "one move" 1 \
    "$(consolidate history --json | jq 'map(select(.state == "done")) | length')"
check "host2's traffic was brought here" captured \
    "$WORK/consolidate/traffic-host2.db"
check_status "it goes on in mode auto" 0 'mode auto' consolidate status
check_status "and tells of the traffic" 0 'pairs? of guests, 0.0. MB/s' \
    consolidate status
check_status "the report draws the cluster" 0 'class="moved"' \
    consolidate report
check_status "and the traffic" 0 '>a1 to a2: ' consolidate report
kill -TERM "$service"
wait "$service"
check_equal "the service ends when it is told to" 0 $?
kill -TERM "${captures[@]}"
wait "${captures[@]}"
check_equal "and so does who counts" 0 $?
finish
