# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-application.sh - what applications get while a guest leaves
#
# Two guests serve redis to clients outside. `stays' sends 15 Mbit/s of values
# and is protected; `moves' sends 6, and leaves. Clients ask at a steady rate, whatever is answered: what
# they get and how long each answer takes is seen where it arrives.
#
#   unlimited   the same migration on a wire without a limit, libvirt alone
#   plain       on 50 Mbit/s, libvirt alone
#   enforce     on 50 Mbit/s, with vmferryd
# shellcheck disable=SC2034,SC2154

ways_application="unlimited plain enforce"
about_application="applications of a guest that stays and of one that leaves"

# requests a second of a 16 KiB value: 15 and 6 Mbit/s of payload
readonly STAYS_RATE=114.4 MOVES_RATE=45.8 VALUE=16384
readonly STAYS_NEED=15e6 MOVES_NEED=6e6

# asks GUEST REQUESTS_S KEYS
asks() {
    local address

    address=$(tb status --json |
        jq -r --arg name "$1" '.guests[] | select(.name == $name).address')
    beside "$testbed" exec client "$here/bench/asker" "$address" "$2" \
        "$VALUE" "$3" "$logs/$1.answers" 2>"$logs/$1.asker"
    await 30 "$1 is asked" test -s "$logs/$1.answers"
}

run_application() {
    local wire=50mbit got median late n outside

    [ "$1" != unlimited ] || wire=unlimited
    tb up --hosts 2 --wire "$wire"
    guest stays --memory 256 --workload network \
        --workload-args serve=redis,maxmemory=32mb
    guest moves --memory 256 --workload network \
        --workload-args serve=redis,maxmemory=32mb
    [ "$1" != enforce ] || daemon_start 50mbit '[protect stays]' \
        'match=src host 10.77.1.1 and tcp src port 6379' 'rate=16mbit'
    asks stays $STAYS_RATE 1
    asks moves $MOVES_RATE 1
    sleep 10 # what was before is measured, and the daemon sees their traffic
    virsh_began=$(now)
    read -r got median late n < <(answers "$logs/stays.answers" \
        "$(calc 'a - 8' a="$virsh_began")" "$virsh_began")
    figure before_percent "$(calc '100 * 8 * g / need' g="$got" \
        need=$STAYS_NEED)"
    figure before_p99_ms "$late"
    migrated moves --p2p
    sleep 3 # answers that are under way
    for pid in "${HELPERS[@]}"; do
        kill -TERM "$pid"
        wait "$pid" || true
    done
    HELPERS=()
    read -r got median late n < <(answers "$logs/stays.answers" "$BEGAN" \
        "$ENDED")
    figure stays_percent "$(calc '100 * 8 * g / need' g="$got" \
        need=$STAYS_NEED)"
    figure stays_p50_ms "$median"
    figure stays_p99_ms "$late"
    figure requests "$n"
    # without the blackout, and without the second in which libvirt ends
    outside=$(calc 'b - 1.5 - d / 1000' b="$ENDED" d="${DOWNTIME_MS:-0}")
    if [ "$(calc "$outside - $BEGAN > 1")" = 1.000 ]; then
        read -r got median late n < <(answers "$logs/moves.answers" "$BEGAN" \
            "$outside")
        figure moves_percent "$(calc '100 * 8 * g / need' g="$got" \
            need=$MOVES_NEED)"
    fi
}
