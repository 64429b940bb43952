#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# testbed-smoke.sh - an experiment from its scenario to its report
#
# Two guests, a wire, two methods, once: four migrations beside cross traffic.
# Whether one method is better is not asked of so few; whether everything that
# is measured was measured, and is in the report, is.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

OUT=$TEST_BUILD/system/$TEST_NAME.out
SCENARIO=$TEST_SOURCE/tools/testbed/scenarios/smoke.conf
RESULTS=$OUT/smoke

# run_smoke [OPTION...]: the experiment
run_smoke() {
    tb run "$SCENARIO" --out "$OUT" --state "$VMFERRY_STATE" "$@"
}

# result NAME: JSON of a run, packed or not
result() {
    if [ -f "$RESULTS/runs/$1.json.zst" ]; then
        zstd -dcq "$RESULTS/runs/$1.json.zst"
    else
        cat "$RESULTS/runs/$1.json"
    fi
}

# field NAME FILTER
field() {
    result "$1" | jq -r "$2"
}

needs_root
command -v zstd >/dev/null || skip "zstd is missing: apt-get install zstd"
mkdir -p "$TEST_BUILD/system"
rm -rf "$OUT"
trap test_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
tb --quiet down || bail "a left-over testbed cannot be removed"

sed 's/^memory = 192/memry = 192/' "$SCENARIO" >"$TEST_BUILD/system/wrong.conf"
line=$(grep -n '^memry' "$TEST_BUILD/system/wrong.conf" | head -n 1 |
    cut -d : -f 1)
check_status "a mistake in a scenario is refused with line and key" 2 \
    "wrong.conf:$line: \[guest idle\] memry: there is no such key" \
    tb run "$TEST_BUILD/system/wrong.conf" --out "$OUT"
check_equal "four runs are planned" 4 "$(run_smoke --plan | wc -l)"

check "the experiment runs" run_smoke
check_equal "it took its testbed down" '{"up":false}' \
    "$(tb --quiet status --json)"
check_status "results are not written over" 1 "holds results already" run_smoke
check "with --resume nothing is left to do" timeout 60 \
    "$TEST_SOURCE/tools/testbed/vmferry-testbed" run "$SCENARIO" \
    --out "$OUT" --state "$VMFERRY_STATE" --resume

for guest in idle memory; do
    for method in virsh default; do
        name=r01-$guest-200mbit-two-$method
        status=$(field "$name" .outcome.status)
        check_equal "$guest by $method: the migration completed" completed \
            "$status"
        check_number "... in so many seconds" \
            "$(field "$name" .outcome.total_s)" '>' 0.5
        check_number "... with a downtime, ms" \
            "$(field "$name" .outcome.downtime_ms)" '>' 0
        check_equal "... the guest's memory is whole" 0 \
            "$(field "$name" .outcome.wrong_pages)"
        check_number "... and its stall was seen from outside, ms" \
            "$(field "$name" .application.during.stall_ms)" '>' 5
        check_number "... cross traffic got something before, bytes/s" \
            "$(field "$name" .cross_traffic.before_bytes_s)" '>' 5000000
        check_number "... processes outside had a share" \
            "$(field "$name" .cpu.foreign)" '>=' 0
    done
done
check_number "the writer's pages were counted before, pages/s" \
    "$(field r01-memory-200mbit-two-virsh .application.before.pages_s)" '>' 300
check_equal "vmferry's record is kept" vmferry-run/1 \
    "$(field r01-memory-200mbit-two-default .record.schema)"
check_equal "the machine is" "$(uname -r)" \
    "$(field r01-idle-200mbit-two-virsh .machine.kernel)"

check "a report" tb report "$RESULTS" -o "$OUT/report.txt"
check "... says how many runs it is of" grep -q '4 runs of 4 planned' \
    "$OUT/report.txt"
check "... and has the writer's cell" grep -q '^memory, 200mbit, beside two' \
    "$OUT/report.txt"
check_equal "as JSON it has two cells" 2 \
    "$(tb report "$RESULTS" -f json | jq '.cells | length')"
check_equal "as a line a run" 5 "$(tb report "$RESULTS" -f runs | wc -l)"
check "as a page" tb report "$RESULTS" -f html -o "$OUT/report.html"
check "... with pictures" grep -q '<svg' "$OUT/report.html"
check "compared with itself nothing is worse" tb compare "$RESULTS" "$RESULTS"
finish
