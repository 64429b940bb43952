# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-kills.sh - the manager is killed at 20 seeded moments, with real guests
#
#   evacuate host1 ──X  apply ──X  apply ──X ... apply: over
#   evacuate host2 ──X  ...
#
# Three guests leave one host after the other, and the manager is killed (SIGKILL)
# at moments of $CONS_SEED until it has been 20 times; each time the next one
# takes the plan up by its journal. With CONS_QUEUE=yes what leaves host 1 goes
# through the queue of a vmferryd there. What is true is asked of libvirt: its events
# of guests that came, on all hosts, and where guests are. A guest that a plan
# moves comes once.
# shellcheck disable=SC2016,SC2034,SC2154

about_cons_kills="the manager is killed at 20 seeded moments"

readonly CONS_KILLS=20

# kills_watch HOST...: libvirt's own events, "... domain 'vm1': Resumed Migrated"
kills_watch() {
    local host

    for host in "$@"; do
        (exec "$testbed" --quiet exec "$host" virsh event --loop \
            --event lifecycle --timestamp >"$logs/events-$host" 2>&1) &
        HELPERS+=($!)
    done
}

# arrivals GUEST: so far
arrivals() {
    cat "$logs"/events-? | grep -c "domain '$1': Resumed Migrated" || true
}

# kills_pid: the manager that acts
kills_pid() { cat "$logs/state/journal.lock" 2>/dev/null; }

# kills_state: of the plan's steps in the journal, "starting done waiting"
kills_state() {
    journal '(map(.what == "plan") | rindex(true)) as $at |
        if $at == null then "no-plan" else .[$at:] |
        if any(.what == "over") then "over" else
        (.[0].decision.moves | length) as $n | [range($n) as $i |
        [.[] | select(.what == "step" and .step == $i)] | last |
        .state // "waiting"] | join("-") end end' 2>/dev/null || echo no-plan
}

# kills_moment MS COMMAND...: begin it, kill it after so long. Status 0: it was
# killed; 1: it had ended by itself
kills_moment() {
    local began=$EPOCHREALTIME pid='' status=0 manager ms=$1

    shift
    cons "$@" >>"$logs/manager.log" 2>&1 &
    manager=$!
    sleep "$(calc 'ms / 1000' ms="$ms")"
    pid=$(kills_pid)
    if kill -0 "$manager" 2>/dev/null && [ -n "$pid" ] &&
        kill -KILL "$pid" 2>/dev/null; then
        wait "$manager" || status=$?
        echo "$ms $(kills_state)" >>"$logs/moments"
        return 0
    fi
    wait "$manager" || status=$?
    echo "$status" >"$logs/status"
    return 1
}

# kills_round HOST: it is emptied, whatever happens to the manager
kills_round() {
    local name plans words
    local -A before=()

    for name in vm1 vm2 vm3; do
        before[$name]=$(arrivals $name)
    done
    words=(evacuate "$1")
    while ((kills < CONS_KILLS)); do
        # half of them within the first second, in which it looks, decides,
        # checks and begins
        if ((RANDOM % 2 == 0)); then
            ms=$((100 + RANDOM % 900))
        else
            ms=$((500 + RANDOM % 5000))
        fi
        kills_moment "$ms" "${words[@]}" || break
        kills=$((kills + 1))
        [ "$(kills_state)" = no-plan ] || [ "$(kills_state)" = over ] ||
            words=(apply)
    done
    if ((kills >= CONS_KILLS)); then
        cons "${words[@]}" >>"$logs/manager.log" 2>&1 || true
    fi
    # what a plan that stopped has left, by another one
    cons evacuate "$1" >>"$logs/manager.log" 2>&1 || failed=$((failed + 1))
    cons release "$1" >>"$logs/manager.log" 2>&1
    for name in vm1 vm2 vm3; do
        came=$(($(arrivals $name) - ${before[$name]}))
        echo "$1 $name $came $(places)" >>"$logs/arrivals"
        ((came <= 1)) || twice=$((twice + 1))
        moved=$((moved + came))
    done
    left=$((left + $(tb virsh "${1#host}" list --name | grep -c vm || true)))
}

run_cons_kills() {
    local kills=0 twice=0 moved=0 left=0 failed=0 came ms name host=1
    local errors=0 booting=() reach=()

    tb up --hosts 3 --wire 200mbit
    cons_boot_three
    for host in 2 3; do
        tb virsh $host domcapabilities >"$logs/domcapabilities" &
        booting+=($!)
    done
    wait "${booting[@]}"
    if [ -n "${CONS_QUEUE:-}" ]; then
        daemon_start 200mbit '[control]' "socket=$logs/vmferryd.socket"
        reach=('[reach host1]' "vmferryd=$logs/vmferryd.socket")
    fi
    cons_configure "${reach[@]}" '[network]' link=200mbit '[budget]' surprise=0 \
        cool-down=0s no-return=0s moves-per-hour=0
    for host in 1 2 3; do
        cons_host $host cores=4 memory=1GiB
    done
    kills_watch 1 2 3
    cons status >"$logs/status"
    alive "$logs/before"
    RANDOM=${CONS_SEED:-1}
    while ((kills < CONS_KILLS)); do
        # the host with the most guests
        host=$(places | grep -o 'host[123]' | sort | uniq -c | sort -rn |
            awk 'NR == 1 { print $2 }')
        kills_round "$host"
    done
    alive "$logs/after"
    for name in vm1 vm2 vm3; do
        errors=$((errors + $(tb ask $name check | jq .errors)))
        echo "$name $(for host in 1 2 3; do
            tb virsh $host domstate $name 2>/dev/null | grep -c running
        done | paste -sd ' ')" >>"$logs/running"
    done
    figure kills "$kills"
    figure moved "$moved"
    figure moments_while_running "$(grep -c running "$logs/moments" || true)"
    figure moments_while_starting "$(grep -c starting "$logs/moments" || true)"
    figure stopped_plans "$(journal '[.[] | select(.what == "stopped")] |
        length')"
    goal "kills" "$kills" == "$CONS_KILLS"
    goal "guests that lived through all of it" "$(lived "$logs/before" \
        "$logs/after")" == 3
    goal "pages of theirs that are wrong" "$errors" == 0
    goal "guests that run on one host and no other" \
        "$(awk '$2 + $3 + $4 == 1' "$logs/running" | wc -l)" == 3
    goal "guests that a plan moved twice" "$twice" == 0
    goal "evacuations that left somebody" "$left" == 0
    goal "evacuations that failed in the end" "$failed" == 0
}
