#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# controller-cost.sh - what vmferry costs during a real migration
#
# One small migration under cross traffic; the figures are those of its own
# record, beside their goals. On a busy machine they say little.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/migrate-lib.sh"

# goal WHAT FIGURE LIMIT UNIT
goal() {
    check_number "$1, $4" "$2" '<=' "$3"
}

# cost FILTER: a figure of the record
cost() {
    jq -r "$1 | if type == \"number\" then . * 1000 | round / 1000 else . end" \
        "$RECORD"
}

testbed_up --hosts 2 --wire 50mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=800,set=32
tb cross start --flows 4
vmferry 1 migrate --live --p2p --link mig0=50mbit --record "$RECORD" vm1 \
    "$(uri 2)"
check_run "a migration" 0
echo "# $(cost .outcome.iterations) iterations, $(cost .cost.wall_ms) ms," \
    "$(cost '.decisions | length') decisions," \
    "$(cost .cost.cpu_ms) ms of CPU time"
goal "CPU share of the controller" \
    "$(cost '.cost.cpu_ms / .cost.wall_ms * 100')" 1 "% of one core"
goal "memory of the controller" "$(cost '.cost.max_rss_kb / 1024')" 32 MiB
goal "decision, median" "$(cost .cost.decision_us.median)" 1000 us
goal "decision, p99" "$(cost .cost.decision_us.p99)" 5000 us
goal "class change, median" "$(cost .cost.tc_change_us.median)" 1000 us
goal "class change, p99" "$(cost .cost.tc_change_us.p99)" 5000 us
finish
