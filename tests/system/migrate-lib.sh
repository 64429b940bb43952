# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# migrate-lib.sh - what tests of `vmferry migrate' share, on top of lib.sh
#
# Output of a run stays in $OUT (standard output), $ERR (standard error) and
# $status. What a host must look like afterwards is what it looked like before:
# clean_state tells it in one text that can be compared.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VMFERRY=$TEST_BUILD/tools/cli/vmferry
WORK=$TEST_BUILD/system/$TEST_NAME.work
OUT=$WORK/out
ERR=$WORK/err
# shellcheck disable=SC2034 # for the tests
RECORD=$WORK/record.json
export VMFERRY_HISTORY=$WORK/history.db
rm -rf "$WORK"
mkdir -p "$WORK"

# uri HOST: its libvirtd, as the others call it
uri() {
    echo "qemu+tcp://10.77.0.$1/system"
}

# vmferry HOST ARGUMENT...: run it there to its end
vmferry() {
    tb exec "$1" "$VMFERRY" "${@:2}" >"$OUT" 2>"$ERR"
    status=$?
}

# vmferry_start HOST ARGUMENT...: the same beside the test; its process is
# $VMFERRY_PID, its end is awaited by vmferry_wait
vmferry_start() {
    : >"$OUT"
    : >"$ERR"
    # not by the function: signals must reach vmferry itself
    "$TEST_SOURCE/tools/testbed/vmferry-testbed" exec "$1" "$VMFERRY" "${@:2}" \
        >"$OUT" 2>"$ERR" &
    VMFERRY_PID=$!
}

vmferry_wait() {
    wait "$VMFERRY_PID"
    status=$?
}

# explain: what the last run said, after a failed check
explain() {
    sed 's/^/  out| /' "$OUT" | tail -n 20
    sed 's/^/  err| /' "$ERR" | tail -n 40
}

# check_run WHAT STATUS: how the last run ended
check_run() {
    if [ "$status" = "$2" ]; then
        passed "$1: exit status ($status)"
    else
        failed "$1: exit status" "wanted: $2
found:  $status"
        explain
    fi
}

# check_says WHAT WORDS: standard error of the last run holds them (an
# extended regular expression)
check_says() {
    if grep -Eq -- "$2" <<<"$(tr '\n' ' ' <"$ERR")"; then
        passed "$1"
        sed -n '/^error:/s/^/# /p' "$ERR"
    else
        failed "$1" "no word of \`$2' on standard error"
        explain
    fi
}

# host_tc HOST: all of its traffic control but that of taps, which come and go
# with guests, without what only counts
host_tc() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    tb exec "$1" sh -c '
        for dev in mig0 br0; do
            for what in qdisc class filter; do
                # the kernel lists classes in the order of a hash
                tc $what show dev $dev | sort | sed "s/^/$dev: /"
            done
        done'
}

# host_leases HOST: one a line
host_leases() {
    tb exec "$1" sh -c 'ls /run/vmferry 2>/dev/null' | grep -v '^tc\.lock$'
}

# clean_state HOST: what must be the same before and after
clean_state() {
    host_tc "$1"
    echo "leases: $(host_leases "$1" | tr '\n' ' ')"
    echo "processes: $(vmferry_processes | tr '\n' ' ')"
}

# vmferry_processes: of this build, in whatever namespace
vmferry_processes() {
    local dir

    for dir in /proc/[0-9]*; do
        [ "$(readlink "$dir/exe" 2>/dev/null)" = "$VMFERRY" ] &&
            echo "${dir#/proc/}"
    done
}

# has_tree HOST / has_no_tree HOST: ours on mig0
has_tree() {
    grep -q 'htb 7666:' <<<"$(tb exec "$1" tc qdisc show dev mig0)"
}

has_no_tree() {
    ! has_tree "$1"
}

# check_same WHAT WANTED FOUND: texts of several lines, shown if they differ
check_same() {
    if [ "$2" = "$3" ]; then
        passed "$1"
    else
        failed "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
    fi
}

# tuned GUEST HOST: what a migration changes and puts back
tuned() {
    echo "downtime $(tb virsh "$2" migrate-getmaxdowntime "$1" | xargs)" \
        "speed $(tb virsh "$2" migrate-getspeed "$1" | xargs)" \
        "balloon $(tb virsh "$2" dumpxml "$1" | grep -o '<stats period=[^/]*')"
}

# vmferry_ended: the run beside us
vmferry_ended() {
    ! kill -0 "$VMFERRY_PID" 2>/dev/null
}

pass_told() {
    grep -q "\"event\":\"progress\".*\"iter\":$1," "$OUT"
}

# pass_begun WHAT N: wait until the run beside us, with --json, tells of pass
# N; without it the rest of the test would prove nothing
pass_begun() {
    wait_for 100 "$1: pass $2 is under way" pass_told_or_ended "$2"
    pass_told "$2" && return
    explain
    bail "$1: no pass $2"
}

pass_told_or_ended() {
    pass_told "$1" || vmferry_ended
}

# job_begun HOST GUEST: libvirt tells of a migration's first pass
job_begun() {
    grep -q '^Iteration: *1' <<<"$(tb virsh "$1" domjobinfo "$2")"
}

# type_interrupt: Ctrl-C, at a terminal that may be gone
type_interrupt() {
    (trap '' PIPE && printf '\003' >&5) 2>/dev/null
}

# interrupt_on_terminal HOST GUEST COMMAND...: run it there on a terminal of
# its own, and type Ctrl-C there when GUEST's first pass has begun. virsh does
# not hear it while it asks libvirtd for something, so its user types on.
interrupt_on_terminal() {
    local pid

    rm -f "$WORK/keyboard"
    mkfifo "$WORK/keyboard"
    script --quiet --return --command \
        "'$TEST_SOURCE/tools/testbed/vmferry-testbed' exec $1 ${*:3}" \
        /dev/null <"$WORK/keyboard" >"$OUT" 2>"$ERR" &
    pid=$!
    exec 5>"$WORK/keyboard"
    wait_for 100 "$3 migrates on a terminal" job_begun "$1" "$2"
    type_interrupt
    while [ "$3" = virsh ] && sleep 1 && kill -0 "$pid" 2>/dev/null; do
        type_interrupt
    done
    wait "$pid"
    status=$?
    exec 5>&-
}

# check_lived WHAT GUEST HOST BOOT_ID COUNTER: it runs there, nowhere else,
# and has been running all the time
check_lived() {
    local answer other

    check_equal "$1: where the guest is" "host$3" "$(guest_place "$2")"
    for other in 1 2; do
        [ "$other" = "$3" ] || check_equal "$1: on host$other" "" \
            "$(tb virsh "$other" list --name | grep -x "$2")"
    done
    answer=$(tb ask "$2" check)
    check_equal "$1: the same boot" "$4" "$(jq -r .boot_id <<<"$answer")"
    check_number "$1: its counter went on" "$(jq -r .counter <<<"$answer")" \
        '>' "$5"
    check_equal "$1: its memory is intact" 0 "$(jq -r .errors <<<"$answer")"
}
