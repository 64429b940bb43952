# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cons-load.sh - a host overloaded by what its guests really do, another idle
#
#   host1: l1 l2 l3, together above 70 % of its cores     host2: m1
#   host3: e1, nearly nothing
#
# Hosts have less than half a core each by configuration, so that all of it fits a
# machine of two that is not idle. Then, with the service running: host1 is
# relieved; host3 is emptied and its power command called, which takes its
# libvirtd away; m1 grows, and host3 is woken while no host is overloaded yet.
# shellcheck disable=SC2034,SC2154

about_cons_load="an overloaded host relieved, an idle one put to sleep and woken"

# guest_core_s NAME PLACES: processor time that it has had so far
guest_core_s() {
    local host

    host=$(place_of "$1" "$2")
    tb virsh "${host#host}" domstats --cpu-total "$1" |
        awk -F= '$1 ~ /cpu.time/ { printf "%.6f", $2 / 1e9 }'
}

# place_of GUEST PLACES
place_of() {
    local place

    for place in $2; do
        [ "${place%%=*}" != "$1" ] || echo "${place#*=}"
    done
}

# cores_of SECONDS GUEST...: that they keep busy together, for so long
cores_of() {
    local at began name sum=0 seconds=$1

    shift
    at=$(places) began=$(now)
    for name in "$@"; do
        sum=$(calc 's - x' s="$sum" x="$(guest_core_s "$name" "$at")")
    done
    sleep "$seconds"
    for name in "$@"; do
        sum=$(calc 's + x' s="$sum" x="$(guest_core_s "$name" "$at")")
    done
    calc 's / (b - a)' s="$sum" a="$began" b="$(now)"
}

# fullest: cores that the guests of one host keep busy, of the fullest
fullest() {
    local host guests most=0 load

    for host in 1 2 3; do
        guests=$(places | tr ' ' '\n' | sed -n "s/=host$host\$//p" | xargs)
        [ -n "$guests" ] || continue
        # shellcheck disable=SC2086 # names
        load=$(cores_of 3 $guests)
        most=$(calc 'a > b ? a : b' a="$most" b="$load")
    done
    echo "$most"
}

# cores_each SECONDS GUEST...: that each keeps busy, for so long
cores_each() {
    local at name seconds=$1
    local -A began used

    shift
    at=$(places)
    for name in "$@"; do
        used[$name]=$(guest_core_s "$name" "$at") began[$name]=$(now)
    done
    sleep "$seconds"
    for name in "$@"; do
        calc '(y - x) / (b - a)' x="${used[$name]}" \
            y="$(guest_core_s "$name" "$at")" a="${began[$name]}" b="$(now)"
        echo
    done
}

# burn CORES GUEST...: let each keep so much of a core busy. What a page costs
# depends on what else the machine does, so it is measured until it fits.
burn() {
    local name each i wanted=$1 rate
    local -A rates

    shift
    rate=$(calc '(w - i) / p' w="$wanted" i="$IDLE_CORES" p="$PAGE_CORES")
    for name in "$@"; do
        rates[$name]=$rate
        tb ask "$name" "rate=$rate" >/dev/null
    done
    for _ in 1 2 3 4 5; do
        mapfile -t each < <(cores_each 4 "$@")
        i=0 rate=
        for name in "$@"; do
            if ! awk -v x="${each[i]}" -v w="$wanted" \
                'BEGIN { exit !(x > 0.95 * w && x < 1.06 * w) }'; then
                rate=$(awk -v r="${rates[$name]}" -v x="${each[i]}" \
                    -v w="$wanted" -v i="$IDLE_CORES" 'BEGIN {
                        f = (w - i) / (x > i + 0.01 ? x - i : 0.01)
                        print r * (f > 3 ? 3 : f < 0.2 ? 0.2 : f) }')
                rates[$name]=$rate
                tb ask "$name" "rate=$rate" >/dev/null
            fi
            i=$((i + 1))
        done
        [ -n "$rate" ] || break
    done
    # what was found is where the next one begins
    PAGE_CORES=$(awk -v x="${each[0]}" -v i="$IDLE_CORES" \
        -v r="${rates[$1]}" 'BEGIN { printf "%.9f", (x - i) / r }')
    say "$* keep ${each[*]} of a core busy, $wanted wanted"
}

# cores of a page a second, at first a guess
PAGE_CORES=0.0001

# power_script: what the manager calls. A host without its libvirtd is all that
# the manager can see of one that is off.
power_script() {
    cat >"$logs/power.sh" <<END
#!/bin/sh
echo "\$(date +%s.%N) \$1 \$VMFERRY_HOST" >>$logs/power
case \$1 in
down) what=stop ;;
*) what=start ;;
esac
exec $testbed --quiet libvirtd "\${VMFERRY_HOST#host}" \$what
END
    chmod 755 "$logs/power.sh"
    : >"$logs/power"
}

# power_at WHAT HOST: when it was called, empty if never
power_at() {
    awk -v what="$1" -v host="$2" '$2 == what && $3 == host { print $1; exit }' \
        "$logs/power"
}

power_called() { [ -n "$(power_at "$@")" ]; }

# plan_about KIND FILTER: of the first plan with such a trigger
plan_about() {
    journal "[.[] | select(.what == \"plan\" and any(.decision.triggers[];
        .kind == \"$1\"))][0] | $2 // empty"
}


# moves_done FILTER: how many moves of that kind came to their end
load_moves() {
    journal '(reduce (.[] | select(.what == "plan")) as $p ({};
            .[$p.plan] = $p.decision.moves)) as $moves |
        [.[] | select(.what == "step" and .state == "done") |
            . as $step | $moves[.plan][.step] // empty |
            . + {at: $step.at} | select('"$1"')] | length'
}

# ended_at FILTER: when the last of them did, epoch
load_ended() {
    journal '(reduce (.[] | select(.what == "plan")) as $p ({};
            .[$p.plan] = $p.decision.moves)) as $moves |
        [.[] | select(.what == "step" and .state == "done") |
            . as $step | $moves[.plan][.step] // empty |
            . + {at: $step.at} | select('"$1"') | .at] | last // empty |
        sub("\\.[0-9]+.*"; "Z") | fromdate'
}

is_done() { [ "$(load_moves "$1")" -ge "${2:-1}" ]; }

# overloads_before_wake: how many there were when the first host was woken
overloads_before_wake() {
    journal '(first(.[] | select(.what == "plan" and
            any(.decision.powers[]; .on))) | .at) as $woken |
        [.[] | select(.what == "plan" and .at < $woken) |
            .decision.triggers[] | select(.kind == "overloaded")] | length'
}

is_asleep() { grep -Eq "^ *$1 +asleep" <<<"$(cons status)"; }

run_cons_load() {
    local i name trigger relieved

    tb up --hosts 3 --wire 400mbit
    for name in l1:1 l2:1 l3:1 m1:2 e1:3; do
        tb guest "${name%:*}" --host "${name#*:}" --memory 128 \
            --workload memory --workload-args rate=1,set=16
    done
    IDLE_CORES=$(cores_of 4 l1)
    figure idle_cores "$IDLE_CORES"

    power_script
    cons_configure '[consolidate]' cycle=4s '[network]' link=400mbit \
        '[reserve]' cpu=0.65 \
        '[triggers]' 'overloaded=static 0.7' 'overloaded-samples=3 of 5' \
        underloaded=0.2 'underloaded-samples=3 of 3' wake-above=0.85 \
        window=1min ahead=8s '[budget]' cool-down=2min
    for i in 1 2 3; do
        cons_host "$i" cores=0.45 memory=1GiB idle-power=90W busy-power=200W
    done
    printf '%s\n' "power-down=$logs/power.sh down" \
        "wake=$logs/power.sh wake" wake-time=10s >>"$logs/consolidate.conf"
    alive "$logs/before"
    burn 0.116 l1 l2 l3
    figure overloaded_cores "$(cores_of 4 l1 l2 l3)"

    cons_serve auto
    await 90 "host1 is relieved" is_done '.kind == "overloaded"'
    trigger=$(plan_about overloaded '.at | sub("\\.[0-9]+.*"; "Z") | fromdate')
    relieved=$(load_ended '.kind == "overloaded"')
    figure relieved_s "$(calc 'b - a' a="$trigger" b="$relieved")"
    await 120 "host3 is told to sleep" power_called down host3
    figure asleep_after_s "$(calc 'b - a' a="$trigger" \
        b="$(power_at down host3)")"
    figure slept_guests "$(places | tr ' ' '\n' | grep -c '=host3$' || true)"
    figure relieved_cores "$(fullest)"
    goal "relieved, seconds from the trigger" \
        "$(calc 'b - a' a="$trigger" b="$relieved")" '<=' 60
    goal "moves that it took" "$(load_moves '.kind == "overloaded"')" == 1
    goal "the fullest host then, cores" "$(fullest)" '<=' 0.315
    goal "guests on the host that sleeps" \
        "$(places | tr ' ' '\n' | grep -c '=host3$' || true)" == 0

    # more is needed than two hosts should carry, and less than they can
    await 60 "host3 is seen asleep" is_asleep host3
    BEGAN=$(now)
    burn 0.14 m1
    await 90 "host3 is woken" power_called wake host3
    figure woken_after_s "$(calc 'b - a' a="$BEGAN" \
        b="$(power_at wake host3)")"
    goal "the fullest host when it was woken, cores" "$(fullest)" '<=' 0.315
    goal "overloads before it was woken" "$(overloads_before_wake)" == 1
    goal "power commands" "$(awk '{ print $2, $3 }' "$logs/power" | sort |
        xargs)" == "down host3 wake host3"
    alive "$logs/after"
    goal "guests that lived through it" "$(lived "$logs/before" \
        "$logs/after")" == 5
    cons report >"$logs/report.html"
    cons history >"$logs/history.txt"
}
