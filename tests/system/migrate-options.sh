#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-options.sh - virsh's options do what they do in virsh
#
# One guest goes to and fro, each time with other options. What libvirt makes
# of them is looked up on its hosts; what the shaper makes of them, in the
# record: however many connections there are, they are in the class.
# --copy-storage-* are not tried: the testbed's guests have no disks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

link=(--link mig0=400mbit)

# go WHAT FROM TO OPTION...: migrate vm1
go() {
    boot=$(guest_value vm1 boot_id)
    counter=$(guest_value vm1 counter)
    vmferry "$2" migrate --live --record "$RECORD" "${link[@]}" "${@:4}" vm1 \
        "$(uri "$3")"
    check_run "$1" 0
    check_same "$1: host$2's link is as before" "$clean" "$(clean_state "$2")"
}

# gone WHAT FROM TO OPTION...: and it arrived, all of it in its class
gone() {
    go "$@"
    check_lived "$1" vm1 "$3" "$boot" "$counter"
    check_number "$1: bytes of the stream in the class, per cent" \
        "$(jq '.shaping.class_bytes / 1.0456 / .outcome.bytes * 100' \
            "$RECORD")" '>=' 95
    check "$1: the record fits the schema and replays" \
        "$TEST_BUILD/tests/system/check-record" \
        "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"
}

# domains HOST OPTION...
domains() {
    tb virsh "$1" list --name "${@:2}" | sed '/^$/d' | tr '\n' ' '
}

# state HOST: of vm1 there
state() {
    tb virsh "$1" domstate vm1 2>/dev/null | head -n 1
}

testbed_up --hosts 2 --wire 400mbit
start_guest vm1 --host 1 --memory 128 --workload memory \
    --workload-args rate=50,set=8 --persistent
clean=$(clean_state 1)

# --- a dry run, by anybody ---
before=$(clean_state 1)
vmferry 1 migrate --dry-run --json --live --p2p "${link[@]}" vm1 "$(uri 2)"
check_run "dry run" 0
check_equal "dry run: link, call, flags" \
    'mig0 50000000 virDomainMigrateToURI3 live,peer2peer' "$(jq -r '
    "\(.link.device) \(.link.rate_bytes_s) \(.call) \(
        .flags | ascii_downcase | gsub("[ |]+"; ","))"' "$OUT")"
check_equal "dry run: pages would be compressed" true \
    "$(jq .compression.on "$OUT")"
check_number "dry run: with a cache of a quarter of the guest, MiB" \
    "$(jq '.compression.cache_bytes / 1048576' "$OUT")" '<=' 32
check_number "dry run: changes it would make" "$(jq '.tc | length' "$OUT")" \
    '>=' 3
check_number "dry run: time of the first pass at most" \
    "$(jq .first_pass_at_most_s "$OUT")" '>' 0
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if tb exec 1 "${as_nobody[@]}" test -x "$VMFERRY"; then
    tb exec 1 "${as_nobody[@]}" "$VMFERRY" -c qemu:///system migrate --dry-run \
        --live --p2p "${link[@]}" vm1 "$(uri 2)" >"$OUT" 2>"$ERR"
    status=$?
    check_run "dry run by nobody" 0
    check "dry run by nobody: tells of the tree" grep -q '7666:' "$OUT"
else
    echo "# dry run by nobody: skipped, $VMFERRY is not readable to others"
fi
check_same "dry run: changed nothing" "$before" "$(clean_state 1)"
check_equal "dry run: the guest stays" host1 "$(guest_place vm1)"

# --- where and how it is defined ---
gone "--persistent --undefinesource" 1 2 --p2p --persistent --undefinesource
check_equal "--undefinesource: left on host1" '' "$(domains 1 --all)"
check_equal "--persistent: defined on host2" 'vm1 ' "$(domains 2 --persistent)"
go "--suspend" 2 1 --p2p --suspend
check_equal "--suspend: state there" paused "$(state 1)"
check_equal "without --undefinesource: state on host2" 'shut off' "$(state 2)"
tb virsh 1 resume vm1 >/dev/null
check "--suspend: the guest goes on" tb ask vm1
tb virsh 2 undefine vm1 >/dev/null
go "--dname" 1 2 --p2p --dname vm1-moved
check_equal "--dname: its name there" 'vm1-moved ' "$(domains 2)"
boot_there=$(guest_value vm1 boot_id)
check_equal "--dname: it is the guest" "$boot" "$boot_there"
tb exec 2 virsh -q -c qemu:///system migrate --live --p2p --dname vm1 \
    vm1-moved "$(uri 1)"

# --- by other calls, ports and connections ---
gone "client-driven, virDomainMigrate3" 1 2
gone "--migrateuri with a port" 2 1 --p2p --migrateuri tcp://10.77.0.1:49170
check_equal "--migrateuri: it is in the record" tcp://10.77.0.1:49170 \
    "$(jq -r .migration.migrate_uri "$RECORD")"
check_equal "pages sent again were compressed, by its record" xbzrle \
    "$(jq -r .extra.compression.method "$RECORD")"
gone "--parallel" 1 2 --p2p --parallel --parallel-connections 3
check_equal "--parallel: pages were not compressed, by its record" false \
    "$(jq -r .extra.compression.on "$RECORD")"
gone "--bandwidth" 2 1 --p2p --bandwidth 8
check_number "--bandwidth: bytes a second of the first pass" \
    "$(jq '.iterations[0].achieved_bytes_s' "$RECORD")" '<' 9227468

# --- a guest that does not converge by itself ---
tb wire 100mbit
link=(--link mig0=100mbit)
busy() {
    tb ask vm1 set=64 >/dev/null
    tb ask vm1 rate=20000 >/dev/null
}
calm() {
    tb ask vm1 set=8 >/dev/null
    tb ask vm1 rate=50 >/dev/null
}
# At 99 % it may still write too much, so it is calmed once it is throttled.
throttled() {
    grep -qE 'converge throttle: *[89][0-9]' \
        <<<"$(tb virsh 1 domjobinfo vm1)"
}
busy
boot=$(guest_value vm1 boot_id)
counter=$(guest_value vm1 counter)
vmferry_start 1 migrate --live --record "$RECORD" "${link[@]}" --p2p \
    --auto-converge --auto-converge-initial 80 --auto-converge-increment 5 \
    vm1 "$(uri 2)"
wait_for 200 "--auto-converge: the guest is throttled" throttled
calm
vmferry_wait
check_run "--auto-converge" 0
check_lived "--auto-converge" vm1 2 "$boot" "$counter"
check_number "--auto-converge: the guest was throttled, per cent" \
    "$(jq '[.iterations[].throttle_percent] | max' "$RECORD")" '>=' 80
busy
go "--timeout-suspend" 2 1 --p2p --timeout 3 --timeout-suspend
ours=$(state 1)
[ "$ours" = running ] || tb virsh 1 resume vm1 >/dev/null
check "--timeout-suspend: the guest goes on" tb ask vm1
busy
tb virsh 1 migrate --live --p2p --timeout 3 --timeout-suspend vm1 "$(uri 2)"
check_equal "--timeout-suspend: state there as by virsh" "$(state 2)" "$ours"
[ "$(state 2)" = running ] || tb virsh 2 resume vm1 >/dev/null
busy
go "post-copy" 2 1 --p2p --postcopy --postcopy-after-precopy
check_lived "post-copy" vm1 1 "$boot" "$counter"
check_number "post-copy: passes before it" \
    "$(jq .outcome.iterations "$RECORD")" '<=' 3
check_number "post-copy: bytes of the stream in the class, per cent" \
    "$(jq '.shaping.class_bytes / 1.0456 / .outcome.bytes * 100' "$RECORD")" \
    '>=' 95
calm

# --- as virsh: what is printed, how it ends ---
vmferry 1 virsh migrate --live --p2p "${link[@]}" vm1 "$(uri 2)"
check_run "vmferry virsh migrate" 0
check_equal "vmferry virsh migrate: where the guest is" host2 \
    "$(guest_place vm1)"
cp "$OUT" "$WORK/ours"
tb virsh 2 migrate --live --p2p vm1 "$(uri 1)" >"$WORK/virsh" 2>/dev/null
check "the same on standard output as virsh" cmp "$WORK/ours" "$WORK/virsh"
vmferry 1 virsh domstate vm1
check_equal "vmferry virsh domstate" running "$(head -n 1 "$OUT")"

# same_error WHAT ARGUMENT...: libvirt's words and the status, as by virsh
same_error() {
    local theirs words

    tb virsh 1 migrate "${@:2}" >/dev/null 2>"$WORK/virsh.err"
    theirs=$?
    words=$(sed -n 's/^error: //p' "$WORK/virsh.err" | tail -n 1)
    vmferry 1 migrate --policy none "${@:2}"
    check_run "$1, as virsh" "$theirs"
    check "$1: its words ($words)" grep -qF -- "$words" "$ERR"
}

same_error "to itself" --live --p2p vm1 "$(uri 1)"
same_error "a bad number" --live --bandwidth x vm1 "$(uri 2)"
same_error "options that exclude each other" --live --timeout-suspend \
    vm1 "$(uri 2)"
same_error "an option that is none" --live --nonsense vm1 "$(uri 2)"
same_error "an offline migration of a running guest" --offline vm1 "$(uri 2)"
check_same "as before in the end" "$clean" "$(clean_state 1)"
finish
