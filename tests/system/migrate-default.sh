#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-default.sh - the main job, end to end, under cross traffic
#
# The demonstration in small: a guest that writes its memory goes from host 1
# to host 2 with the default policy, and back with none. libvirt's word on both
# hosts, the guest's own, the record, and whose bytes were in the class.
#
# Two bulk flows go from the source to the destination's ports 49160 and 49161,
# in libvirt's range for migrations: one that was there before, one that begins
# while the stream is on its way. As far as ports tell, each could be it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

# a payload byte of a full segment costs so much on the wire
FRAMING=1.0456

# listen PORT / talk PORT: a flow of 8 Mbit/s to it
listen() {
    tb exec 2 iperf3 --server --daemon --port "$1"
    wait_for 50 "host2 listens on port $1" sh -c \
        "'$TEST_SOURCE/tools/testbed/vmferry-testbed' exec 2 \
            ss -Hltn 'sport = :$1' | grep -q LISTEN"
}

# a process of the testbed: \`down' ends it
talk() {
    tb exec 1 iperf3 --client 10.77.0.2 --port "$1" --bitrate 8M --time 3600 \
        >/dev/null 2>&1 &
    wait_for 50 "a flow goes to port $1" sh -c \
        "'$TEST_SOURCE/tools/testbed/vmferry-testbed' exec 1 \
            ss -Htn state established 'dport = :$1' | grep -q ."
}

# record FILTER: from the record
record() {
    jq -r "$1" "$RECORD"
}

# events FILTER: from all lines of --json, as one array
events() {
    jq -rs "$1" "$OUT"
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=1500,set=24
for host in 1 2; do
    before[host]=$(clean_state $host)
done
tc_before=$(host_tc 2)
tuned=$(tuned vm1 1)
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)
listen 49160
listen 49161
talk 49160
tb cross start --flows 4

# --- the default policy, from host 1 to host 2 ---
vmferry_start 1 migrate --live --p2p --policy default --link mig0=100mbit \
    --record "$RECORD" --report "$WORK/report.html" --json vm1 "$(uri 2)"
pass_begun "default" 1
check "our tree is on the link" has_tree 1
check_equal "and its lease" 1 "$(host_leases 1 | wc -l)"
talk 49161
vmferry_wait
check_run "default" 0
check_lived "default" vm1 2 "$boot" "$counter"
check_equal "default: what libvirt was told is put back" "$tuned" \
    "$(tuned vm1 2)"
for host in 1 2; do
    check_equal "default: host$host's log tells of no taint of ours" 0 \
        "$(tb exec $host cat /var/log/libvirt/qemu/vm1.log |
            grep -c 'tainted: custom-monitor')"
    check_same "default: host$host is as before" "${before[host]}" \
        "$(clean_state $host)"
done

check "its record fits the schema and replays" \
    "$TEST_BUILD/tests/system/check-record" \
    "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"
check_equal "record: status" completed "$(record .outcome.status)"
check_number "record: iterations" "$(record .outcome.iterations)" '>=' 3
check_equal "record: rows are all the passes, in order" \
    "$(seq -s ' ' 1 "$(record .outcome.iterations)")" \
    "$(record '[.iterations[] | range(.iter; .iter + .merged)] | join(" ")')"
check_equal "record: rows from the third on without a forecast" 0 \
    "$(record '[.iterations[] | select(.iter >= 3 and (.final | not)
        and .predicted_pages == null)] | length')"
check_equal "record: rows that are flawed" '' \
    "$(record '.iterations[] | select(.flags != []) | .flags | join(" ")')"
check_number "record: decisions" "$(record '.decisions | length')" '>=' 3
check_equal "record: decisions that the kernel refused" 0 \
    "$(record '[.decisions[] | select(.applied | not)] | length')"
check_equal "record: link" 'mig0 12500000 true' \
    "$(record '.link | "\(.device) \(.rate_bytes_s) \(.rate_declared)"')"
check_number "record: seen of the guest's memory use" \
    "$(record '[.iterations[].mem_used | numbers] | length')" '>' 0
if [ -n "${VMFERRY_SANITIZED:-}" ]; then
    echo "# skipped: the controller's memory is the sanitizers' here"
else
    check_number "record: controller's memory, KiB" \
        "$(record .cost.max_rss_kb)" '<' 32768
fi
check_equal "record: warnings" '' "$(record '.warnings | join("; ")')"
check "report: written, and tells of the guest" \
    grep -q 'Migration of vm1' "$WORK/report.html"

# The stream's bytes by three counters that know nothing of each other: the
# class's (frames), the connection's (payload), QEMU's own.
wire=$(record ".outcome.bytes * $FRAMING | floor")
check_number "shaping: the connection's bytes and QEMU's, per cent" \
    "$(record '.shaping.stream_bytes / .outcome.bytes * 100')" '>=' 95
check_number "shaping: bytes of the stream in the class, per cent" \
    "$(record "(.shaping.class_bytes - .shaping.foreign_bytes) / $wire * 100")" \
    '>=' 95
check_number "shaping: and altogether not more than there were, per cent" \
    "$(record ".shaping.class_bytes / $wire * 100")" '<=' 101
check_number "shaping: foreign bytes in the class, per cent" \
    "$(record '.shaping.foreign_bytes / .shaping.class_bytes * 100')" '<=' 1

check "json: every line is an object with event and time" \
    jq -e -s 'all(has("event") and has("t_s"))' "$OUT"
check_equal "json: an iteration for each row" \
    "$(record '.iterations | length')" \
    "$(events '[.[] | select(.event == "iteration")] | length')"
check_equal "json: the last one is the end" completed \
    "$(events 'last | select(.event == "end").status')"
check_equal "json: progress never runs backwards" true \
    "$(events '[.[] | select(.event == "progress").percent] | . == sort')"

# --- no policy, back to host 1 ---
counter=$(guest_value vm1 counter)
rm "$RECORD"
vmferry_start 2 migrate --live --p2p --verbose --policy none \
    --link mig0=100mbit --record "$RECORD" vm1 "$(uri 1)"
wait_for 100 "none: the first pass is under way" \
    grep -q 'state: pre-copy' "$ERR"
check_same "none: no tc at all" "$tc_before" "$(host_tc 2)"
vmferry_wait
check_run "none" 0
check_lived "none" vm1 1 "$boot" "$counter"
check_equal "none: what libvirt was told is put back" "$tuned" "$(tuned vm1 1)"
check "none: its record fits the schema and replays" \
    "$TEST_BUILD/tests/system/check-record" \
    "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"
check_equal "none: decisions" 0 "$(record '.decisions | length')"
check_equal "none: class" null "$(record .shaping.class_bytes)"
check_number "none: the connection's bytes and QEMU's, per cent" \
    "$(record '.shaping.stream_bytes / .outcome.bytes * 100')" '>=' 95
check_says "none: an iteration at a time" 'iteration 3: [0-9]+ pages to send'
check_says "none: virsh's last line of progress" 'Migration: \[100 %\]'
for host in 1 2; do
    check_same "none: host$host is as before" "${before[host]}" \
        "$(clean_state $host)"
done
finish
