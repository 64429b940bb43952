# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-replay.sh - 64 recorded migrations at once: tests/bench/replay-many.sh
# shellcheck disable=SC2034,SC2154

ways_replay="recorded"
about_replay="64 recorded migrations replayed at once, without guests"

run_replay() {
    local name value

    VMFERRY_SOURCE=$root VMFERRY_BUILD=$build \
        "$root/tests/bench/replay-many.sh" >"$logs/log" 2>&1 ||
        [ $? = 1 ] || die "replay-many.sh: $(tail -n 3 "$logs/log")"
    while read -r name value; do
        figure "$name" "$value"
    done < <(sed -n 's/^figure //p' "$logs/log")
    [ -n "$figures" ] || die "replay-many.sh: $(tail -n 3 "$logs/log")"
}
