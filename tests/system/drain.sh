#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# drain.sh - a host is emptied: planned, killed, resumed, interrupted
#
# Three guests: one that is defined on host 1 and starts with it, one that is
# transient, one with a disk that no other host sees. The first drain is killed
# in its middle and resumed; the way back is interrupted twice over.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/migrate-lib.sh"

STATE=$WORK/drain.json
link=(--link mig0=100mbit)

# drain HOST ARGUMENT...: off that host to the other; nobody types anything
drain() {
    vmferry "$1" drain --to "$(uri $((3 - $1)))" --state "$STATE" \
        "${link[@]}" "${@:2}" </dev/null
}

drain_start() {
    vmferry_start "$1" drain --to "$(uri $((3 - $1)))" --state "$STATE" \
        --json --yes "${link[@]}" "${@:2}"
}

# events FILTER: from all lines of --json, as one array
events() {
    jq -rs "$1" "$OUT"
}

# says WHAT WORDS: standard output does
says() {
    if grep -Eq -- "$2" <<<"$(tr '\n' ' ' <"$OUT")"; then
        passed "$1"
    else
        failed "$1" "no word of \`$2' on standard output"
        explain
    fi
}

under_way() {
    grep -q '"event":"progress"' "$OUT"
}

# on_its_way WHAT: a migration of the drain beside us has begun
on_its_way() {
    wait_for 60 "$1: the first guest is on its way" under_way ||
        bail "$1: nothing moves"
}

# guests HOST: that run there, or are defined
guests() {
    tb virsh "$1" list --name "${@:2}" | sort | xargs
}

testbed_up --hosts 2 --wire 100mbit
start_guest vm1 --host 1 --memory 160 --workload memory \
    --workload-args rate=300,set=16 --persistent
start_guest vm2 --host 1 --memory 160 --workload memory \
    --workload-args rate=200,set=8
start_guest vm3 --host 1 --memory 128 --workload idle
tb virsh 1 autostart vm1 >/dev/null
tb exec 1 truncate --size 8M /run/local.img
tb virsh 1 attach-disk vm3 /run/local.img vdb >/dev/null ||
    bail "vm3 gets no disk"
for host in 1 2; do
    before[host]=$(clean_state $host)
done
for guest in 1 2; do
    boot[guest]=$(guest_value vm$guest boot_id)
    counter[guest]=$(guest_value vm$guest counter)
done

# --- the plan, and nothing but the plan ---
drain 1 --plan-only
check_run "plan" 3
says "plan: what cannot move, and why" \
    "cannot move: *vm3 +disk vdb: '/run/local.img' lies on this host alone"
says "plan: the link" 'link 10.77.0.2 -> mig0 of 100 Mbit/s'
says "plan: who goes" 'host1: 2 guests to move, in '
says "plan: vm1 to host2" 'vm1 +host2 +'
drain 1 --plan-only --json --no-sample --exclude vm2
check_run "plan as JSON" 3
check_equal "plan as JSON: statuses" "vm1 waits vm2 stays vm3 stays" \
    "$(jq -r '[.guests[] | .name, .status] | join(" ")' "$OUT")"
check_equal "plan as JSON: vm1 is defined and starts with its host" \
    "true true" "$(jq -r '.guests[0] | "\(.persistent) \(.autostart)"' "$OUT")"
drain 1 --no-sample
check_run "nobody to ask" 1
check_says "nobody to ask: says so" 'nobody can be asked.*--yes'
drain 1 --only vm3 --yes
check_run "nobody can move" 1
drain 1 --exclude vm9 --yes
check_run "a guest that is not there" 1
check_says "a guest that is not there: is named" '--exclude vm9: no such guest'
check "no state is left" test ! -e "$STATE"
check_equal "all are where they were" "vm1 vm2 vm3" "$(guests 1)"
check_same "host1 is as before" "${before[1]}" "$(clean_state 1)"

# --- killed in its middle, and resumed ---
drain_start 1 --parallel 1 --no-sample
on_its_way "killed"
check "killed: our tree is on the link" has_tree 1
first=("$OUT" "$ERR")
OUT=$WORK/second.out ERR=$WORK/second.err
drain 1 --yes --no-sample
check_run "a second drain beside it" 1
check_says "a second drain beside it: says so" 'another drain is under way'
OUT=${first[0]} ERR=${first[1]}
kill -KILL "$VMFERRY_PID"
wait "$VMFERRY_PID" 2>/dev/null
check_equal "killed: the state file knows of three" 3 \
    "$(jq '.guests | length' "$STATE")"
drain 1 --yes
check_run "another one instead" 1
check_says "another one instead: is refused" 'was interrupted.*--resume'
vmferry 1 drain --resume --state "$STATE" --yes --json \
    --report "$WORK/report.html" </dev/null
check_run "resumed: some, for vm3 stays" 3
check_equal "resumed: is told" some "$(events 'last.status')"
check_equal "resumed: how many" "2 1" "$(events 'last | "\(.moved) \(.stays)"')"
for guest in 1 2; do
    check_lived "resumed" vm$guest 2 "${boot[guest]}" "${counter[guest]}"
done
check_equal "resumed: vm3 stays" "vm3" "$(guests 1)"
check_equal "resumed: host1 knows no other" "vm3" "$(guests 1 --all)"
check_equal "resumed: vm1 is defined on host2" "vm1" \
    "$(guests 2 --persistent)"
check_equal "resumed: and starts with it" "vm1" \
    "$(guests 2 --all --autostart)"
check "resumed: the report is written" grep -q 'Drain of host1' \
    "$WORK/report.html"
check "resumed: no state is left" test ! -e "$STATE"
for host in 1 2; do
    check_same "resumed: host$host is as before" "${before[host]}" \
        "$(clean_state $host)"
done

# --- back again: aborted, interrupted, finished ---
tuned=$(tuned vm1 2) # what the killed one had changed was its to put back
drain_start 2 --parallel 1 --no-sample
on_its_way "Ctrl-C twice"
kill -INT "$VMFERRY_PID"
wait_for 30 "Ctrl-C twice: the first is heard" \
    grep -q 'no more guests are begun' "$OUT"
kill -INT "$VMFERRY_PID"
vmferry_wait
check_run "Ctrl-C twice: none" 1
check_equal "Ctrl-C twice: is told" none "$(events 'last.status')"
check_equal "Ctrl-C twice: all are where they were" "vm1 vm2" "$(guests 2)"
check_same "Ctrl-C twice: host2 is as before" "${before[2]}" \
    "$(clean_state 2)"

vmferry_start 2 drain --resume --state "$STATE" --yes --json
on_its_way "Ctrl-C once"
kill -INT "$VMFERRY_PID"
vmferry_wait
check_run "Ctrl-C once: some" 3
check_equal "Ctrl-C once: what was on its way has moved, the other waits" \
    "1 1 0" "$(events 'last | "\(.moved) \(.waits) \(.failed)"')"
vmferry 2 drain --resume --state "$STATE" --yes --json </dev/null
check_run "finished: all" 0
check_equal "finished: is told" all "$(events 'last.status')"
for guest in 1 2; do
    check_lived "finished" vm$guest 1 "${boot[guest]}" "${counter[guest]}"
done
check_equal "finished: vm1 starts with host1 again" "vm1" \
    "$(guests 1 --all --autostart)"
check_equal "finished: what libvirt was told is put back" "$tuned" \
    "$(tuned vm1 1)"
check "finished: no state is left" test ! -e "$STATE"
for host in 1 2; do
    check_same "finished: host$host is as before" "${before[host]}" \
        "$(clean_state $host)"
done
finish
