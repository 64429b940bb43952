# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# lib.sh - what system tests share: a testbed of their own, assertions
#
#   #!/bin/bash
#   . "$(dirname "$0")/lib.sh"
#   testbed_up --wire 50mbit
#   start_guest vm1 --host 1 --workload memory
#   check "the guest answers" tb ask vm1
#   finish
#
# Each check prints a line, `ok' or `not ok' with what was expected and what
# was found; a test goes on after a failed check and fails in finish. What
# makes going on senseless ends it by `bail'. Whatever ends the script, the
# testbed is taken down; after a failure its logs are kept in the build
# folder. A test that cannot run here says why and exits with 77, which meson
# reports as skipped.
#
# With pipefail, `tool | grep -q WORD' fails when grep has found the word and
# tool writes on: SIGPIPE. So it is grep -q WORD <<<"$(tool)" everywhere.
set -uo pipefail

PATH=$PATH:/usr/sbin:/sbin
TEST_NAME=$(basename "$0" .sh)
TEST_SOURCE=${VMFERRY_SOURCE:-$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")}
TEST_BUILD=${VMFERRY_BUILD:-$TEST_SOURCE/build}
export VMFERRY_STATE=$TEST_BUILD/system/$TEST_NAME.state
export VMFERRY_CACHE=${VMFERRY_CACHE:-$TEST_BUILD/cache}
TEST_LOGS=$TEST_BUILD/system/$TEST_NAME.logs
TEST_CHECKS=0
TEST_FAILURES=0
TEST_ENDED=no

# skip REASON: not run, said aloud
skip() {
    echo "SKIP $TEST_NAME: $*"
    TEST_ENDED=skipped
    exit 77
}

# bail MESSAGE: the rest of the test would prove nothing
bail() {
    echo "not ok - $*"
    TEST_FAILURES=$((TEST_FAILURES + 1))
    exit 1
}

# needs_root: and everything that a testbed is made of
needs_root() {
    local program

    [ "$(id -u)" = 0 ] ||
        skip "namespaces and guests need root (sudo meson test --suite system)"
    for program in libvirtd:libvirt-daemon-system virsh:libvirt-clients \
        qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio \
        iperf3:iperf3 jq:jq; do
        command -v "${program%%:*}" >/dev/null ||
            skip "${program%%:*} is missing: apt-get install ${program#*:}"
    done
    [ -c /dev/net/tun ] || modprobe tun 2>/dev/null || true
    [ -c /dev/net/tun ] || skip "there is no /dev/net/tun for guests' taps"
}

# tb ARGUMENT...: vmferry-testbed with this test's state
tb() {
    "$TEST_SOURCE/tools/testbed/vmferry-testbed" "$@"
}

test_cleanup() {
    local status=$?

    trap - EXIT
    trap '' INT TERM HUP
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        rm -rf "$TEST_LOGS"
        tb --quiet down --keep-logs "$TEST_LOGS"
        [ -d "$TEST_LOGS" ] && echo "logs are in $TEST_LOGS"
    else
        tb --quiet down
    fi
    if [ "$status" = 0 ] && [ "$TEST_ENDED" = no ]; then
        echo "not ok - $TEST_NAME ended without \`finish'"
        status=1
    fi
    exit "$status"
}

# testbed_up [ARGUMENT...]: a testbed that this test's end takes away. One
# that an earlier, killed run left is removed first.
testbed_up() {
    needs_root
    mkdir -p "$TEST_BUILD/system"
    trap test_cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    tb --quiet down || bail "a left-over testbed cannot be removed"
    tb up "$@" || bail "the testbed does not start"
}

# start_guest NAME [OPTION...]: running and answering, or the test ends
start_guest() {
    tb guest "$@" || bail "guest $1 does not start"
}

# guest_value NAME FIELD [COMMAND]: from the guest's own answer
guest_value() {
    tb ask "$1" "${3:-status}" | jq -r ".$2"
}

# guest_place NAME: the host where it runs, or -
guest_place() {
    tb status --json |
        jq -r --arg name "$1" \
            'first(.guests[] | select(.name == $name)).host // "-"'
}

# wait_for SECONDS DESCRIPTION COMMAND...: an event that announces itself
# nowhere; fails the test when it does not come
wait_for() {
    local deadline limit=$1 what=$2

    # SECONDS may tick at once: a second of it is less than one
    deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((${EPOCHREALTIME/[.,]/} >= deadline)); then
            failed "$what" "it did not happen within $limit s"
            return 1
        fi
        sleep 0.1
    done
    passed "$what"
}

passed() {
    TEST_CHECKS=$((TEST_CHECKS + 1))
    echo "ok - $1"
}

# failed WHAT DETAIL
failed() {
    TEST_CHECKS=$((TEST_CHECKS + 1))
    TEST_FAILURES=$((TEST_FAILURES + 1))
    echo "not ok - $1"
    printf '%s\n' "$2" | sed 's/^/  | /'
    return 1
}

# check WHAT COMMAND...: the command succeeds
check() {
    local what=$1 output status

    shift
    output=$("$@" 2>&1)
    status=$?
    if [ "$status" = 0 ]; then
        passed "$what"
    else
        failed "$what" "exit status $status of: $*
$output"
    fi
}

# check_status WHAT STATUS WORDS COMMAND...: it ends with this status and
# says these words (an extended regular expression)
check_status() {
    local what=$1 wanted=$2 words=$3 output status

    shift 3
    output=$("$@" 2>&1)
    status=$?
    if [ "$status" != "$wanted" ]; then
        failed "$what" "exit status $status instead of $wanted of: $*
$output"
    elif ! grep -Eq -- "$words" <<<"$output"; then
        failed "$what" "no word of \`$words' from: $*
$output"
    else
        passed "$what"
    fi
}

# check_equal WHAT WANTED FOUND
check_equal() {
    if [ "$2" = "$3" ]; then
        passed "$1 ($3)"
    else
        failed "$1" "wanted: $2
found:  $3"
    fi
}

# check_number WHAT FOUND OPERATOR LIMIT: as in check_number "..." 3 -lt 7,
# with decimal numbers; OPERATOR is one of < <= > >= ==
check_number() {
    if [[ $2 =~ ^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$ ]] &&
        awk -v a="$2" -v b="$4" "BEGIN { exit !(a + 0 $3 b + 0) }"; then
        passed "$1 ($2 $3 $4)"
    else
        failed "$1" "wanted: $3 $4
found:  $2"
    fi
}

# check_within WHAT FOUND WANTED PERCENT
check_within() {
    if [[ $2 =~ ^-?[0-9]+(\.[0-9]+)?$ ]] &&
        awk -v a="$2" -v b="$3" -v p="$4" 'BEGIN {
            d = a - b
            exit !((d < 0 ? -d : d) <= b * p / 100) }'; then
        passed "$1 ($2, wanted $3 +- $4 %)"
    else
        failed "$1" "wanted: $3 +- $4 %
found:  $2"
    fi
}

# finish: the verdict
finish() {
    TEST_ENDED=yes
    echo "$TEST_NAME: $((TEST_CHECKS - TEST_FAILURES)) of $TEST_CHECKS" \
        "checks passed"
    [ "$TEST_CHECKS" -gt 0 ] && [ "$TEST_FAILURES" = 0 ] || exit 1
    exit 0
}
