# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# daemon-lib.sh - what tests of vmferryd share, on top of migrate-lib.sh
#
# One daemon on host1, whose log is $LOG and whose records lie in $RECORDS;
# migrations are started beside the test, as others would start them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/migrate-lib.sh"

# of another build, if it is named: with sanitizers
VMFERRYD=${VMFERRYD:-$TEST_BUILD/controller/daemon/vmferryd}
CONF=$WORK/vmferry.conf
LOG=$WORK/daemon.log
RECORDS=$WORK/records
export VMFERRY_DISABLED=$WORK/disabled
TESTBED=$TEST_SOURCE/tools/testbed/vmferry-testbed
STARTS=0
VIRSH=()

# configure MODE RATE [LINE...]: what the daemon reads at its next start
configure() {
    cat >"$CONF" <<END
[daemon]
mode=$1
records=$RECORDS
journal=$WORK/journal.db
history=$WORK/history.db
log=debug
[link mig0]
capacity=$2
END
    printf '%s\n' "${@:3}" >>"$CONF"
}

# daemon_start: on host1, and it watches
daemon_start() {
    cat "$LOG" >>"$LOG.before" 2>/dev/null
    : >"$LOG"
    # not by a function: signals must reach vmferryd itself
    "$TESTBED" exec 1 "$VMFERRYD" --config "$CONF" 2>>"$LOG" &
    DAEMON=$!
    wait_for 60 "vmferryd watches (start $((++STARTS)))" \
        grep -q 'watching the migrations' "$LOG" || bail "$(cat "$LOG")"
}

# daemon_stop [SIGNAL]: its exit status is in $status
daemon_stop() {
    kill "-${1:-TERM}" "$DAEMON"
    wait "$DAEMON" 2>/dev/null
    status=$?
}

# virsh_start GUEST FLAG...: beside the test
virsh_start() {
    "$TESTBED" virsh 1 migrate --live "${@:2}" "$1" "$(uri 2)" \
        >"$WORK/virsh-$1" 2>&1 &
    VIRSH[${1#vm}]=$!
}

# virsh_wait GUEST: how it ended, in $status
virsh_wait() {
    wait "${VIRSH[${1#vm}]}"
    status=$?
}

# status_of FILTER: of the status document
status_of() {
    tb exec 1 "$VMFERRY" status --json 2>/dev/null | jq -r "$1"
}

# session GUEST FILTER: of its session
session() {
    status_of ".sessions[] | select(.guest == \"$1\") | $2"
}

# session_is GUEST FILTER WANTED
session_is() {
    [ "$(session "$1" "$2")" = "$3" ]
}

# session_says GUEST FILTER: it holds true
session_says() {
    [ "$(session "$1" "$2")" = true ]
}

# record_file GUEST: its newest record
record_file() {
    grep -ls "\"name\":\"$1\"" "$RECORDS"/2*.json | sort -V | tail -n 1
}

# record_of GUEST FILTER
record_of() {
    local file

    file=$(record_file "$1")
    [ -n "$file" ] && jq -r "$2" "$file"
}

record_ended() {
    [ -n "$(record_of "$1" .outcome.status)" ]
}

# found_ms GUEST: from the first sign to its stream, the last time
found_ms() {
    sed -n "s/.*guest '$1': its stream goes to .* found \([0-9]*\) ms .*/\1/p" \
        "$LOG" | tail -n 1
}

# check_arrived GUEST: by libvirt, and by the record
check_arrived() {
    virsh_wait "$1"
    check_equal "$1: virsh" 0 "$status" || sed 's/^/  virsh| /' "$WORK/virsh-$1"
    wait_for 30 "$1: its record is written" record_ended "$1"
    check_equal "$1: record" completed "$(record_of "$1" .outcome.status)"
    check_equal "$1: where it is" host2 "$(guest_place "$1")"
}

# check_replays WHAT GUEST
check_replays() {
    check "$1: its record fits the schema and replays" \
        "$TEST_BUILD/tests/system/check-record" \
        "$TEST_SOURCE/docs/run-record.schema.json" "$(record_file "$2")"
}

# explain_daemon: what it said, after a failed check
explain_daemon() {
    [ "$TEST_FAILURES" = 0 ] ||
        cat "$LOG.before" "$LOG" 2>/dev/null | sed 's/^/  vmferryd| /' |
        grep -v 'client .* asks' | tail -n 150
}
