#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# forecast.sh - vmferry forecast of a real guest, before, during, after
#
# The guest writes 800 pages a second into 64 MiB. How much of its memory is
# not zero is compared with what a first pass then sends; the forecast time
# with QEMU's. Accuracy over many runs is not for this test.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

# told FILTER: of the last forecast's JSON
told() {
    jq -r "$1" "$OUT"
}

taint() {
    tb virsh 1 dominfo vm1 | grep -c 'custom monitor'
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=800,set=64

# --- no history yet ---
vmferry 1 forecast vm1 --to "$(uri 2)" --link mig0=100mbit --json
check_run "by libvirt" 0
check_equal "windows" '1 4' "$(told '[.windows[].window_s] | join(" ")')"
check_equal "of whom" libvirt "$(told '.windows[0].source')"
check_equal "link" mig0 "$(told .link.device)"
check_equal "history" 0 "$(told .history_runs)"
check_number "bandwidths" "$(told '.bandwidths | length')" '>=' 4
check_equal "not tainted by us" 0 "$(taint)"
check_equal "nothing is changed on the link" '' \
    "$(tb exec 1 tc qdisc show dev mig0 | grep htb)"

vmferry 1 forecast vm1 --windows none --history none
check_run "nothing to go by" 1
check_says "says so" "not known: its dirty pages could not be sampled"
vmferry 1 forecast vm1 --windows 0.5 --monitor
check_run "parts of a second and QEMU 7.2" 1
check_says "says what it takes" "QEMU 8.2"
# Only the monitor tells a QEMU 7.2 with our patches, which could.
check_equal "the monitor was asked for it" 1 "$(taint)"

# --- by the monitor ---
vmferry 1 forecast vm1 --monitor --windows 1,4 \
    --bandwidth 2mbit,100mbit --json
check_run "by the monitor" 0
check_equal "tainted, as it said" 1 "$(taint)"
check_number "pages in 4 s, of 3200 writes to 16384 pages" \
    "$(told '.windows[1].dirty_pages | floor')" '>' 1500
check_number "and not many more" \
    "$(told '.windows[1].dirty_pages | floor')" '<' 5000
check_equal "2 Mbit/s" does-not "$(told '.bandwidths[0].verdict')"
check_number "would take, Mbit/s" \
    "$(told '.bandwidths[0].least_bandwidth_bytes_s * 8e-6 | floor')" '>' 5
check_equal "100 Mbit/s" true "$(told '.bandwidths[1].converges')"
nonzero=$(told .guest.nonzero_bytes)
time=$(told '.bandwidths[1].time_s')
check_equal "its memory was looked at" sampled "$(told .guest.nonzero_source)"

# --- during a migration ---
vmferry_start 1 migrate --live --p2p --policy none --record "$RECORD" --json \
    vm1 "$(uri 2)"
pass_begun "the migration" 1
tb exec 1 "$VMFERRY" forecast vm1 >"$WORK/during.out" 2>"$WORK/during.err"
check_equal "during a migration: refused" 1 $?
check "and why" grep -q 'it migrates, is saved or backed up' "$WORK/during.err"
vmferry_wait
check_run "the migration" 0

# --- and what came of it ---
first=$(jq '.iterations[0].sent_bytes' "$RECORD")
passes=$(jq '[.iterations[].duration_ms] | add / 1000' "$RECORD")
check_number "not zero: forecast of what was sent, per cent" \
    "$(jq -n "$nonzero / $first * 100 | floor")" '>' 85
check_number "and not much more" \
    "$(jq -n "$nonzero / $first * 100 | floor")" '<' 115
check_number "time: forecast of what it took, per cent" \
    "$(jq -n "$time / $passes * 100 | floor")" '>' 60
check_number "and not much more" \
    "$(jq -n "$time / $passes * 100 | floor")" '<' 160

# --- history ---
vmferry 2 forecast vm1 --windows none --bandwidth 100mbit --json
check_run "history alone" 0
check_equal "history" 1 "$(told .history_runs)"
check_equal "100 Mbit/s, by history" true "$(told '.bandwidths[0].converges')"
echo damaged >"$VMFERRY_HISTORY"
rm -f "$VMFERRY_HISTORY"-*
vmferry 2 forecast vm1 --windows 1 --bandwidth 100mbit
check_run "a damaged history" 0
check_says "is said, once" 'earlier migrations are not considered: history'
finish
