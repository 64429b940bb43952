#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate.sh - vmferry migrate without a daemon, and the switch
#
# The guest is on paper and its connection is real (tests/fakes/libvirt/): libvirt
# is asked to migrate it, and what is reserved has its effect. Some 20 s, in two
# network namespaces of its own; root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/far.sh"

far_enter "$@"

FAKE=$TEST_BUILD/tests/fakes/libfake-libvirt.so
WORK=$(mktemp -d)
OUT=$WORK/out
export VMFERRY_SOCKET=$WORK/socket VMFERRY_DISABLED=$WORK/disabled
export VIRSH_DEFAULT_CONNECT_URI=qemu:///session VMFERRY_HISTORY=none
export VMFERRY_FAKE_LOG=$WORK/fake.log

# shellcheck disable=SC2317 # called by the trap
cleanup() {
    local status=$?

    kill "${MIGRATE:-}" "${SINK:-}" "${FAR:-}" 2>/dev/null
    [ "$status" = 0 ] || sed 's/^/  | /' "$OUT" | tail -n 60
    rm -rf "$WORK"
    exit "$status"
}
trap cleanup EXIT

# our leases only; and a wire to another namespace
mount -t tmpfs none /run
far_begin

# migrate GUEST OPTION...: to the other namespace, without a daemon
migrate() {
    VMFERRY_FAKE_GUESTS=$1 LD_PRELOAD=$FAKE "$TEST_BUILD/tools/cli/vmferry" \
        migrate --live --p2p --verbose --json --record "$WORK/record.json" \
        --link near0=50mbit --alone "${@:2}" vm1 qemu+tcp://10.9.0.2/system \
        tcp://10.9.0.2 >"$OUT" 2>&1 &
    MIGRATE=$!
}

no_tree() {
    ! grep -q 'htb 7666:' <<<"$(tc qdisc show dev near0)"
}

migrate "start=-1,to=10.9.0.2:49152,mib=48,rate=300,set=1000,mbit=40,sends=3"
wait_for 30 "it has a class" sh -c \
    "tc class show dev near0 | grep -q '7666:1000 '"
wait_for 30 "and its connection is in it" sh -c \
    "tc -s class show dev near0 | grep -A1 '7666:1000 ' |
        grep -qE 'Sent [1-9][0-9]{7}'"
echo 'somebody made this file' >"$WORK/why"
mv "$WORK/why" "$VMFERRY_DISABLED" # appears whole
wait_for 1 "disabled: nothing is left within a second" no_tree
kill -0 "$MIGRATE"
check_equal "disabled: the migration goes on" 0 "$?"
wait "$MIGRATE"
check_equal "disabled: to its end" 0 "$?"
check_equal "disabled: the record says it" 1 \
    "$(jq -r '.warnings[]' "$WORK/record.json" |
        grep -c 'disabled on this host: somebody made this file')"
check_number "disabled: and what the class counted, bytes" \
    "$(jq .shaping.class_bytes "$WORK/record.json")" '>' 100000
rm "$VMFERRY_DISABLED"
check_number "its traffic was seen before, kbit/s" \
    "$(jq '[.events[] | select(.kind == "seen")][0].mean_bytes_s * 8 / 1000 |
        floor' "$WORK/record.json")" '>=' 2800
check_number "its own class is in the first decision, kbit/s" \
    "$(jq '.decisions[0].application_bytes_s * 8 / 1000 | floor' \
        "$WORK/record.json")" '>=' 3500

check_equal "pages sent again: libvirt was asked for xbzrle, cache in MiB" \
    'vm1 xbzrle 8' "$(jq -r 'select(.compression) |
        "\(.guest) \(.compression) \(.cache / 1048576)"' "$VMFERRY_FAKE_LOG")"
check_equal "pages sent again: the record says it" true \
    "$(jq .extra.compression.on "$WORK/record.json")"
VMFERRY_FAKE_GUESTS='start=-1,to=10.9.0.2:49152,mib=48' LD_PRELOAD=$FAKE \
    "$TEST_BUILD/tools/cli/vmferry" migrate --live --p2p --dry-run \
    --link near0=2gbit --alone vm1 qemu+tcp://10.9.0.2/system \
    tcp://10.9.0.2 >"$OUT" 2>&1
check "dry run: not by a link of more than 1 Gbit/s" \
    grep -q '^pages .*as they are: the link carries 2000 Mbit/s' "$OUT"

migrate "start=-1,to=10.9.0.2:49152,mib=16,rate=6000,set=6000" \
    --allow downtime --downtime-max 30000
wait_for 60 "ladder: the downtime limit is raised" \
    grep -q limit_ms "$VMFERRY_FAKE_LOG"
: >"$VMFERRY_DISABLED"
wait_for 1 "ladder: disabled, it is back within a second" \
    grep -q '"limit_ms":300}' "$VMFERRY_FAKE_LOG"
kill -INT "$MIGRATE"
wait "$MIGRATE"
check_equal "ladder: aborted" 1 "$?"
check "ladder: nothing is left" no_tree
finish
