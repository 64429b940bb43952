#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# migrate-errors.sh - what cannot be done is said, and nothing is changed
#
# Every case: exit status 1, one message that names the thing and the remedy,
# both hosts as before, the guest where it was. After the refusals come guests
# that lack something but can be migrated.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

# refused WHAT WORDS GUEST ARGUMENT...: migrate fails and says so. GUEST stays
# where it is
refused() {
    local what=$1 words=$2 guest=$3 host before=() tuned

    for host in 1 2; do
        before[host]=$(clean_state $host)
    done
    [ "$guest" = nobody ] || tuned=$(tuned "$guest" 1)
    vmferry 1 migrate --live --p2p --record "$RECORD" "$guest" "${@:4}"
    check_run "$what" 1
    check_says "$what: the message" "^error: .*$words"
    check_equal "$what: errors told" 1 "$(grep -c ^error: "$ERR")"
    for host in 1 2; do
        check_same "$what: host$host is as before" "${before[host]}" \
            "$(clean_state $host)"
    done
    [ "$guest" = nobody ] && return
    check_equal "$what: the guest stays" host1 "$(guest_place "$guest")"
    check_equal "$what: and is not changed" "$tuned" "$(tuned "$guest" 1)"
}

# moves WHAT GUEST ARGUMENT...: from host 1 to host 2, with these options
moves() {
    vmferry 1 migrate --live --p2p --verbose --record "$RECORD" "${@:3}" "$2" \
        "$(uri 2)"
    check_run "$1" 0
    check_equal "$1: where the guest is" host2 "$(guest_place "$2")"
    check "$1: the record fits the schema and replays" \
        "$TEST_BUILD/tests/system/check-record" \
        "$TEST_SOURCE/docs/run-record.schema.json" "$RECORD"
    check "$1: nothing of ours is left" has_no_tree 1
    check_equal "$1: no lease" '' "$(host_leases 1)"
}

link=(--link mig0=100mbit)
export VMFERRY_CAPABILITIES=fresh # of that QEMU, and not kept for others
testbed_up --hosts 2 --wire 100mbit
# A machine type that only host 1 has: its QEMU calls one by another name.
# Before libvirt there looks what QEMU can do.
sed 's/pc-i440fx-6\.2-machine/pc-i440fx-6.9-machine/' \
    /usr/bin/qemu-system-x86_64 >"$WORK/qemu"
chmod +x "$WORK/qemu"
tb exec 1 mount --bind "$WORK/qemu" /usr/bin/qemu-system-x86_64
start_guest vm1 --host 1 --memory 128 --workload idle

# --- words ---
refused "unknown domain" "'nobody' on 'host1'.*virsh .*list --all" nobody "${link[@]}" \
    "$(uri 2)"
refused "tunnelled" '--tunnelled: .*control traffic; use --policy none' vm1 \
    "${link[@]}" --tunnelled "$(uri 2)"
refused "a rate without a unit" '--link mig0: .*100.*unit' vm1 \
    --link mig0=100 "$(uri 2)"

# --- the destination ---
refused "nobody at the destination" \
    "destination 'qemu\+tcp://10.77.0.9/system' cannot be reached.*address" \
    vm1 "${link[@]}" "$(uri 9)"
tb libvirtd 2 stop
refused "no libvirtd at the destination" \
    "cannot be reached.*is libvirtd running.*refused" vm1 "${link[@]}" \
    "$(uri 2)"
tb libvirtd 2 start

start_guest vm2 --host 1 --memory 128 --workload idle --machine pc-i440fx-6.9
refused "machine type" \
    "cannot run on 'host2'.*lacks the guest's machine type 'pc-i440fx-6.9'" \
    vm2 "${link[@]}" "$(uri 2)"
tb virsh 1 destroy vm2 >/dev/null

# --- the link ---
refused "link rate unknown" "mig0.*--link mig0=RATE" vm1 "$(uri 2)"
refused "no such interface" "eth9" vm1 --link eth9=100mbit "$(uri 2)"
tb cross start --flows 2
refused "rate below what is in use" \
    "mig0 sends .*more than the 10.*Mbit/s.*--link mig0=RATE" vm1 \
    --link mig0=10mbit "$(uri 2)"
tb cross stop

# --- privilege ---
state=$(clean_state 1)
tb exec 1 setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
    "$VMFERRY" migrate --live --p2p "${link[@]}" vm1 "$(uri 2)" >"$OUT" 2>"$ERR"
status=$?
check_run "no CAP_NET_ADMIN" 1
check_says "no CAP_NET_ADMIN: the message" \
    '^error: .*CAP_NET_ADMIN.*--policy none'
check_equal "no CAP_NET_ADMIN: the guest stays" host1 "$(guest_place vm1)"
check_same "no CAP_NET_ADMIN: host1 is as before" "$state" "$(clean_state 1)"

# --- somebody else's queueing ---
tb exec 1 tc qdisc add dev mig0 root handle 5: tbf rate 90mbit burst 64kb \
    latency 50ms
refused "a foreign root" "mig0 has a root qdisc tbf 5.*tc qdisc del dev" vm1 \
    "${link[@]}" "$(uri 2)"
tb exec 1 tc qdisc replace dev mig0 root handle 6: htb default 20
tb exec 1 tc class add dev mig0 parent 6: classid 6:1 htb rate 90mbit \
    quantum 60000
tb exec 1 tc class add dev mig0 parent 6:1 classid 6:10 htb rate 40mbit \
    ceil 90mbit quantum 60000
tb exec 1 tc class add dev mig0 parent 6:1 classid 6:20 htb rate 50mbit \
    ceil 90mbit quantum 60000
tb exec 1 tc qdisc add dev mig0 parent 6:20 handle 20: pfifo limit 500
tb exec 1 tc filter add dev mig0 parent 6: protocol ip prio 100 u32 \
    match ip dport 9999 0xffff flowid 6:20
refused "a foreign HTB" "mig0 has a root qdisc htb 6.*--parent CLASSID" vm1 \
    "${link[@]}" "$(uri 2)"
refused "a parent that is not there" "no HTB class 6:99" vm1 "${link[@]}" \
    --parent 6:99 "$(uri 2)"
foreign=$(host_tc 1)
vmferry_start 1 migrate --live --p2p --json --record "$RECORD" \
    "${link[@]}" --parent 6:10 vm1 "$(uri 2)"
pass_begun "below --parent" 1
check_number "below --parent: classes of ours there" \
    "$(tb exec 1 tc class show dev mig0 | grep -c 'parent 6:10')" '>=' 1
vmferry_wait
check_run "below --parent" 0
check_equal "below --parent: where the guest is" host2 "$(guest_place vm1)"
check_number "below --parent: bytes of the stream in the class, per cent" \
    "$(jq '.shaping.class_bytes / .outcome.bytes * 100' "$RECORD")" '>=' 95
check_same "below --parent: the administrator's tree is as before" "$foreign" \
    "$(host_tc 1)"
check_equal "below --parent: no lease" '' "$(host_leases 1)"
tb exec 1 tc qdisc del dev mig0 root
tb virsh 2 destroy vm1 >/dev/null

# --- guests that lack something ---
start_guest vm3 --host 1 --memory 128 --workload idle --no-balloon-driver
moves "no balloon driver" vm3 "${link[@]}"
check_says "no balloon driver: it is told" "vm3.*balloon.*virtio_balloon"
check_equal "no balloon driver: memory use is not known" 0 \
    "$(jq '[.iterations[].mem_used | numbers] | length' "$RECORD")"
tb virsh 2 destroy vm3 >/dev/null

start_guest vm4 --host 1 --memory 128 --workload idle --no-nic
tb virsh 1 destroy vm4 >/dev/null
sed "s|<memballoon model='virtio'/>|<memballoon model='none'/>|" \
    "$VMFERRY_STATE/guests/vm4/domain.xml" >"$WORK/vm4.xml"
check "a guest without balloon and NIC" tb virsh 1 create "$WORK/vm4.xml"
moves "no balloon, no NIC" vm4 "${link[@]}"
check_says "no balloon, no NIC: the balloon is told" \
    "vm4.*no balloon device.*memballoon"
check_equal "no balloon, no NIC: neither is known" 0 \
    "$(jq '[.iterations[] | .mem_used, .vm_net_bytes_s | numbers] | length' \
        "$RECORD")"
finish
