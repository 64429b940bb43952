#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-patched.sh - a guest of a patched QEMU, under libvirt
#
# QEMUs as qemu-patches/build makes them; skipped aloud where there is none.
# `virsh qemu-monitor-event' stands beside a migration and writes down what
# QEMU says: the rows of the record must be just that, to the page and the
# byte, and the identity, replayed from the polls of the same record, must find
# the same dirty pages within one. libvirt must not mind, and nothing of it may
# taint the guest. What the emulator can do, and the curve of `vmferry forecast
# --monitor', is looked at last, for that does taint.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

base=10.0
qemu=$("$TEST_SOURCE/qemu-patches/build" where "$base")
[ -x "$qemu" ] ||
    skip "there is no $qemu (\`qemu-patches/build $base' makes it, in some" \
        "10 minutes)"

# The capability working-set for every guest: a script as emulator taints not
emulator=$WORK/qemu
printf '#!/bin/sh\nexec %s -global migration.x-working-set=on "$@"\n' "$qemu" \
    >"$emulator"
chmod 755 "$emulator"

# taints HOST GUEST: ours, not that of QEMU running as root
taints() {
    tb virsh "$1" dominfo "$2" | grep -c -e 'custom monitor' -e 'custom-argv'
}

# told FILTER / stock FILTER: of the record; of the same as a stock QEMU's
told() {
    jq -r "$1" "$RECORD"
}

# columns FILE: iter and dirty pages of its rows that know them
columns() {
    awk -F, 'NR > 1 && $7 != "" && $4 == 1 { print $3, $7 }' "$1"
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 256 --emulator "$emulator" \
    --workload memory --workload-args rate=3000,set=24

# --- libvirt at work, our eyes beside it ---
boot=$(guest_value vm1 boot_id)
tb exec 1 virsh -q -c qemu:///system qemu-monitor-event vm1 --loop \
    --event MIGRATION_PASS >"$WORK/events" 2>&1 &
listener=$!
vmferry 1 migrate --live --p2p --policy none --downtime 300 --verbose \
    --record "$RECORD" vm1 "$(uri 2)"
check_run "a migration" 0
kill "$listener" 2>/dev/null
wait "$listener" 2>/dev/null
check_says "says whose figures these are" '\(told by QEMU itself\)'
check_equal "so does the record" patch "$(told .migration.sample_source)"
check_equal "and each row" patch \
    "$(told '[.iterations[].source] | unique | join(" ")')"
check_number "passes" "$(told '.iterations | length')" '>=' 4
check_equal "nothing was asked of the monitor" false \
    "$(told .migration.monitor_passthrough)"
check_equal "not tainted" 0 "$(taints 2 vm1)"
check_lived "the guest" vm1 2 "$boot" 0

# event MIGRATION_PASS at ... for domain 'vm1': {"pass":2,...}
sed -n 's/^event MIGRATION_PASS .*: \({.*}\)$/\1/p' "$WORK/events" |
    jq -c 'select(.pass > 1) | [.pass - 1, ."dirty-pages", ."sent-bytes",
        ."hot-pages", ."cold-pages", ."zero-pages", ."duration-us"]' \
        >"$WORK/said"
jq -c '.iterations[] | select(.dirty_pages != null) | [.iter, .dirty_pages,
    .sent_bytes, .hot_pages, .cold_pages, .zero_pages,
    (.duration_ms * 1000 | round)]' "$RECORD" >"$WORK/rows"
check_same "rows are what QEMU said" "$(cat "$WORK/said")" "$(cat "$WORK/rows")"
check_number "events that were compared" "$(wc -l <"$WORK/said")" '>=' 3
sed -n 's/^event MIGRATION_PASS .*: \({.*}\)$/\1/p' "$WORK/events" |
    jq -r '."remaining-pages"' >"$WORK/left"
check_same "and so is what each had to send" "$(cat "$WORK/left")" \
    "$(told '.iterations[].pages_to_send')"
check_equal "no row covers two passes" 1 \
    "$(told '[.iterations[].merged] | unique | join(" ")')"

# --- the identity agrees ---
"$VMFERRY" report --csv "$RECORD" -o "$WORK/told.csv"
"$VMFERRY" report --csv --as-stock "$RECORD" -o "$WORK/stock.csv"
check "hot and cold pages are in the trace" \
    grep -q ',hot_pages,cold_pages$' "$WORK/told.csv"
join <(columns "$WORK/told.csv" | sort) <(columns "$WORK/stock.csv" | sort) \
    >"$WORK/both"
check_number "passes that a stock QEMU lets one see alone" \
    "$(wc -l <"$WORK/both")" '>=' 2
check_equal "dirty pages worked out that are off by more than one" 0 \
    "$(awk '{ d = $2 - $3; if (d > 1 || d < -1) n++ } END { print n + 0 }' \
        "$WORK/both")"
check "the record repeats itself" "$TEST_BUILD/tests/system/check-record" \
    "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"

# --- by the monitor: tainted, as it says ---
vmferry 2 forecast vm1 --monitor --windows 2 --bandwidth 100mbit --json
check_run "a forecast with a curve" 0
check_equal "from one measurement" curve \
    "$(jq -r '[.windows[].source] | unique | join(" ")' "$OUT")"
check_number "windows" "$(jq '.windows | length' "$OUT")" '>=' 5
check_equal "in which more and more is written to" true \
    "$(jq '[.windows[].dirty_pages] | . == sort' "$OUT")"
check_number "tainted" "$(taints 2 vm1)" '>=' 1
vmferry 2 forecast vm1 --monitor --one-by-one --windows 1 --bandwidth 100mbit \
    --json
check_equal "or one window after the other" monitor \
    "$(jq -r '.windows[0].source' "$OUT")"
tb virsh 2 destroy vm1 >/dev/null

# --- the capability switched on for one migration ---
start_guest vm2 --host 1 --memory 128 --emulator "$qemu" \
    --workload memory --workload-args rate=1000,set=8
vmferry 1 migrate --live --p2p --policy none --downtime 300 --working-set \
    --record "$RECORD" vm2 "$(uri 2)"
check_run "with --working-set" 0
check_equal "hot and cold pages are told" true \
    "$(told '[.iterations[] | select(.dirty_pages != null) |
        .hot_pages + .cold_pages == .dirty_pages] | length > 1 and all')"
check_equal "the record says what was asked of the monitor" true \
    "$(told .migration.monitor_passthrough)"
finish
