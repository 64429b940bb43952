# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-ladder.sh - a guest that cannot converge at the link's rate
#
#   post-copy   `virsh migrate --postcopy', and the step is allowed
#   abort       nothing is allowed but to abort, and there is a deadline
# shellcheck disable=SC2034,SC2154

ways_ladder="post-copy abort"
about_ladder="a guest that cannot converge: post-copy, or given up"

# steps FILTER: of what the daemon said and did
steps() {
    record vm ".extra.ladder // [] | $1"
}

run_ladder() {
    local flags=() status alive

    tb up --hosts 2 --wire 100mbit
    guest vm --memory 256 --workload memory --workload-args rate=8000,set=64
    if [ "$1" = post-copy ]; then
        flags=(--postcopy)
        daemon_start 100mbit '[ladder]' 'allow=guarantee order wait post-copy' \
            '[starter others]' 'allow=guarantee order wait post-copy'
    else
        daemon_start 100mbit '[guest vm]' 'deadline=100s' '[ladder]' \
            'allow=abort' '[starter others]' 'allow=abort'
    fi
    virsh_migrate vm --p2p "${flags[@]}"
    await 10 "its record is written" record_ended vm
    status=$(record vm .outcome.status)
    figure status "$status"
    figure virsh "$MIGRATED"
    figure total_s "$(calc 'b - a' a="$BEGAN" b="$ENDED")"
    figure said_iteration "$(steps '.[0].iter // ""')"
    figure iterations "$(record vm .outcome.iterations)"
    figure taken "$(steps '[.[] | select(.act == "take").step] | join("+")')"
    if grep -q 'what would help: [^;]' "$logs/daemon.log"; then
        figure would_help yes
    else
        figure would_help no
    fi
    alive=$(tb ask vm check | jq -r .errors) || alive=gone
    figure memory_errors "$alive"
    await 5 "its classes are gone" no_classes
}
