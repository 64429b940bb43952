#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# virt-adapter.sh - controller/virt on two real libvirt daemons
#
# What unit tests cannot see: passes with QEMU's own times, polls that are
# answered while the migration's own call blocks, an abort, daemons killed in
# the middle, and a guest that is afterwards as it was: same maximum downtime,
# same balloon period, not tainted by us, memory intact.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

SESSION=$TEST_BUILD/tests/system/virt-session
OUT=$TEST_BUILD/system/virt-adapter.out
WORDS=$TEST_BUILD/system/virt-adapter.words

# session WHAT FROM TO: run it on host FROM, output in $OUT, status in $status
session() {
    echo "# $1, host$2 to host$3"
    tb exec "$2" "$SESSION" "$1" vm1 "qemu+tcp://10.77.0.$3/system" \
        "tcp://10.77.0.$3" >"$OUT" 2>&1
    status=$?
    grep -v '^poll\|^counters' "$OUT" | sed 's/^/#   /'
}

# session_kill WHAT FROM TO VICTIM: the same, and host VICTIM's daemon is
# killed when the second pass has begun. The session writes into a fifo that
# this shell alone reads, to its end: a pipeline here once hid how it ended.
session_kill() {
    local pid line words ended timeout=120 killed=no

    echo "# $1, host$2 to host$3, libvirtd of host$4 killed"
    rm -f "$WORDS"
    mkfifo "$WORDS"
    tb exec "$2" "$SESSION" "$1" vm1 "qemu+tcp://10.77.0.$3/system" \
        "tcp://10.77.0.$3" >"$WORDS" 2>&1 &
    pid=$!
    exec {words}<"$WORDS"
    : >"$OUT"
    while :; do
        IFS= read -r -t $timeout -u "$words" line
        ended=$?
        [ $ended = 0 ] || break
        printf '%s\n' "$line" >>"$OUT"
        if [ "$line" = ready ]; then
            tb libvirtd "$4" kill
            killed=yes
        fi
    done
    # above 128: the time was up
    if [ $ended -gt 128 ]; then
        failed "the session goes on" "it said nothing for $timeout s"
        kill "$pid"
    fi
    exec {words}<&-
    wait "$pid"
    status=$?
    rm -f "$WORDS"
    grep -v '^poll\|^counters' "$OUT" | sed 's/^/#   /'
    check_equal "host$4's daemon was killed in the second pass" yes $killed
    if [ $status -gt 128 ]; then
        failed "the session ends by itself" \
            "it died of SIG$(kill -l $status), exit status $status"
    fi
}

# said WORDS: how many lines match
said() {
    grep -Ec -- "$1" "$OUT"
}

# figure NAME: of "name=value" in the last line that has it
figure() {
    grep -Eo -- "(^| )$1='?[^ ']+" "$OUT" | tail -n 1 | sed "s/.*=//; s/'//g"
}

# as_before HOST WHEN: what is changed for a migration is what it was
as_before() {
    check_equal "$2: maximum downtime on host$1" "$downtime" \
        "$(tb virsh "$1" migrate-getmaxdowntime vm1 | tr -d '[:space:]')"
    check_equal "$2: maximum speed on host$1" "$speed" \
        "$(tb virsh "$1" migrate-getspeed vm1 | tr -d '[:space:]')"
    check_equal "$2: balloon period on host$1" "" \
        "$(tb virsh "$1" dumpxml vm1 | grep -o "<stats period='[0-9]*'")"
    check_equal "$2: the guest's memory is intact" 0 \
        "$(guest_value vm1 errors check)"
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 256 --workload memory \
    --workload-args rate=1500,set=32
downtime=$(tb virsh 1 migrate-getmaxdowntime vm1 | tr -d '[:space:]')
speed=$(tb virsh 1 migrate-getspeed vm1 | tr -d '[:space:]')
boot_id=$(guest_value vm1 boot_id)

# An abort must not get lost because it came before libvirt had a job.
for when in early soon; do
    session "$when" 1 2
    check_equal "$when abort: exit status" 1 "$status"
    check_equal "$when abort: it was taken" 1 "$(said '^done abort fine')"
    check_equal "$when abort: the migration was aborted" 1 \
        "$(said 'error migration: code 7:')"
    check_number "$when abort: passes" "$(figure passes)" '<' 2
    check_equal "$when abort: where the guest is" host1 "$(guest_place vm1)"
    as_before 1 "$when abort"
done

session abort 1 2
check_equal "an abort: exit status" 1 "$status"
check_equal "an abort: it was taken" 1 "$(said '^done abort fine')"
check_equal "an abort: the migration was aborted" 1 \
    "$(said 'error migration: code 7:')"
check_equal "an abort: source" running "$(figure source)"
check_equal "an abort: destination" gone "$(figure destination)"
as_before 1 "an abort"

session migrate 1 2
check_equal "a migration: exit status" 0 "$status"
check_equal "a migration: confirmed on both hosts" 1 \
    "$(said '^result completed=1 confirmed=1')"
check_equal "a migration: the source is this machine" 2 \
    "$(grep '^host source' "$OUT" | grep -o 'local=.' | cut -d= -f2)"
check_equal "a migration: the destination is not" 1 \
    "$(grep '^host destination' "$OUT" | grep -o 'local=.' | cut -d= -f2)"
check_number "a migration: passes" "$(figure passes)" '>=' 3
check_equal "a migration: every pass, once, in order" \
    "$(seq -s ' ' 1 "$(figure passes)")" \
    "$(sed -n 's/^event pass pass=\([0-9]*\) .*/\1/p' "$OUT" | tr '\n' ' ' |
        sed 's/ $//')"
check_equal "a migration: passes without QEMU's time" 0 "$(figure unstamped)"
check_equal "a migration: iterations in the final statistics" \
    "$(figure passes)" "$(figure iterations)"
check_number "a migration: real downtime" "$(figure downtime_ms)" '>' 0
check_number "a migration: total time" "$(figure total_ms)" '>' 1000
check_equal "a migration: the speed was changed before it" 1 \
    "$(said '^done speed fine')"
check_equal "a migration: the downtime was changed during it" 1 \
    "$(said '^done downtime fine')"
check_number "a migration: polls with a sample" "$(figure sampled)" '>=' 10
check_number "a migration: memory use by the balloon" "$(figure balloon)" \
    '>=' 10
# 5 s is when a request that libvirt's client forgot goes out after all
check_number "a migration: slowest poll, ms" "$(figure slowest_ms)" '<' 4900
check_equal "a migration: guest is paused, then gone from the source" \
    "paused stopped" "$(sed -n 's/^event \(paused\|stopped\) .*/\1/p' "$OUT" |
        tr '\n' ' ' | sed 's/ $//')"
check_equal "a migration: nothing to warn of" 0 "$(said '^warning')"
check_equal "a migration: where the guest is" host2 "$(guest_place vm1)"
as_before 2 "a migration"

session plain 2 1
check_equal "not peer-to-peer: exit status" 0 "$status"
check_equal "not peer-to-peer: confirmed" 1 \
    "$(said '^result completed=1 confirmed=1')"
check_number "not peer-to-peer: slowest poll, ms" "$(figure slowest_ms)" \
    '<' 4900
as_before 1 "not peer-to-peer"

session_kill migrate 1 2 1
check_equal "source's daemon killed: exit status" 1 "$status"
check_equal "source's daemon killed: told as such" 1 \
    "$(said 'error migration: code 4: the connection to the source')"
check_equal "source's daemon killed: the loss is an event" 1 \
    "$(said '^event lost')"
check_equal "source's daemon killed: QEMU was looked for" 1 \
    "$(said 'its QEMU \(process [0-9]+\) is alive')"
tb libvirtd 1 start
check "source's daemon killed: the guest answers" tb ask vm1
check_equal "source's daemon killed: where the guest is" host1 \
    "$(guest_place vm1)"
check_equal "source's daemon killed: memory intact" 0 \
    "$(guest_value vm1 errors check)"

session_kill migrate 1 2 2
check_equal "destination's daemon killed: exit status" 1 "$status"
check_equal "destination's daemon killed: an error, and no success" 1 \
    "$(said '^error migration:')"
check_equal "destination's daemon killed: source" running "$(figure source)"
tb libvirtd 2 start
check "destination's daemon killed: the guest answers" tb ask vm1
check_equal "destination's daemon killed: where the guest is" host1 \
    "$(guest_place vm1)"

check_equal "it is the guest that was started" "$boot_id" \
    "$(guest_value vm1 boot_id)"

# taints KIND HOST: how often the guest's log there tells of one
taints() {
    tb exec "$2" cat /var/log/libvirt/qemu/vm1.log | grep -c "tainted: $1"
}

for host in 1 2; do
    # the testbed's own one shows that the log would tell
    check_number "host$host: the log tells of taints" \
        "$(taints high-privileges "$host")" '>=' 1
    check_equal "host$host: none is ours" 0 "$(taints custom-monitor "$host")"
done
check_equal "nor did the last session see one" 0 "$(said '^taint .*monitor')"

session monitor 1 2
check_equal "pass-through: QEMU answers" 1 \
    "$(said '^reply .*"status": *"running"')"
check_equal "pass-through: that does taint" 1 "$(taints custom-monitor 1)"
check_equal "pass-through: and it is told" 1 "$(said '^taint .*monitor')"
finish
