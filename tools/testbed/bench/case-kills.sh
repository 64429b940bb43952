# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-kills.sh - the daemon is killed while a host is emptied
#
# Three guests leave at once by virsh. Meanwhile the daemon is killed with
# SIGKILL at moments of the repetition's seed, and a supervisor starts it again.
# Two of the guests get there. The third writes too much: when the others are
# gone, the daemon raises its downtime limit, and in that moment the daemon and
# the QEMU at the other end are killed. So the guest stays, with a limit that
# only the next daemon can put back.
#
# What is true is asked of others than the daemon: how virsh ended and where
# each guest is, at which port each one's QEMU receives (the kernel's sockets on
# host 2), what libvirt says of the limit.
# shellcheck disable=SC2034,SC2154

ways_kills="kills"
about_kills="a host is emptied while the daemon is killed, 10 times"

readonly KILLS=10

# supervise: starts the daemon again 0.3 s after its end, until told to end
supervise() {
    local pid=

    trap '[ -z "$pid" ] || kill -TERM "$pid"; wait; exit' TERM
    while :; do
        "$testbed" exec 1 "$vmferryd" --config "$logs/vmferry.conf" \
            2>>"$logs/daemon.log" &
        pid=$!
        echo "$pid" >"$logs/daemon.pid.new"
        mv "$logs/daemon.pid.new" "$logs/daemon.pid"
        wait "$pid" || true
        sleep 0.3
    done
}

# receivers: "GUEST PORT PROCESS" of what QEMU on host 2 receives
receivers() {
    tb exec 2 ss -Htnp state established \
        'sport >= :49152 and sport <= :49215' |
        awk '{
            n = split($3, local, ":")
            if (match($0, /pid=[0-9]+/))
                print local[n], substr($0, RSTART + 4, RLENGTH - 4)
        }' | sort -u | while read -r port pid; do
        tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" |
            sed -n "s/^guest=\([^,]*\),.*/\1 $port $pid/p" || true
    done
}

# watch_sessions: what the daemon takes each guest's port to be, beside what it
# is; a line "GUEST SAYS IS" each
watch_sessions() {
    local guest says is

    while sleep 0.3; do
        receivers >"$logs/receivers" || true
        status_json | jq -r '.sessions[] |
            select(.port != null and .state != "done") |
            "\(.guest) \(.port)"' 2>/dev/null |
            while read -r guest says; do
                is=$(awk -v guest="$guest" '$1 == guest { print $2 }' \
                    "$logs/receivers" | xargs)
                [ -z "$is" ] || echo "$guest $says $is"
            done || true # nobody answers while it is dead
    done >>"$logs/ports"
}

run_kills() {
    local i name pid place pids=() stays=no status before left said
    local wrong=0 contrary=0 ended=0 killed=0 lived=0 supervisor watcher

    tb up --hosts 2 --wire 50mbit
    guest one --memory 256 --workload memory --workload-args rate=300,set=16
    guest two --memory 256 --workload memory --workload-args rate=200,set=8
    guest stuck --memory 256 --workload memory --workload-args rate=6000,set=24
    before=$(limits)
    daemon_configure 50mbit '[ladder]' 'allow=guarantee order wait downtime' \
        'downtime-max=9s' '[starter others]' \
        'allow=guarantee order wait downtime'
    supervise &
    supervisor=$!
    HELPERS+=("$supervisor")
    watch_sessions &
    watcher=$!
    HELPERS+=("$watcher")
    await 20 "vmferryd watches" grep -q 'watching the migrations' \
        "$logs/daemon.log"
    for name in one two stuck; do
        "$testbed" virsh 1 migrate --live --p2p "$name" "$(uri 2)" \
            >"$logs/virsh-$name" 2>&1 &
        pids+=($!)
    done
    RANDOM=$repetition
    for ((i = 0; i < KILLS; i++)); do
        sleep "$((1 + RANDOM % 5)).$((RANDOM % 10))"
        kill -KILL "$(<"$logs/daemon.pid")" 2>/dev/null &&
            killed=$((killed + 1))
    done
    figure kills "$killed"
    for i in 0 1; do
        status=0
        wait "${pids[i]}" || status=$?
        figure "virsh_$((i + 1))" "$status"
        [ "$status" != 0 ] || ended=$((ended + 1))
    done
    await 150 "the third ends, or its downtime limit is raised" \
        raised_or_ended "${pids[2]}"
    sleep 0.3 # until libvirt has been told
    kill -KILL "$(<"$logs/daemon.pid")" 2>/dev/null || true
    pid=$(receivers | awk '$1 == "stuck" { print $3 }')
    [ -z "$pid" ] || kill -KILL "$pid"
    wait "${pids[2]}" || stays=yes
    figure ended "$ended"
    for name in one two; do
        [ "$(tb virsh 2 domstate "$name" | head -n 1)" = running ] &&
            [ "$(tb ask "$name" check | jq .errors)" = 0 ] &&
            lived=$((lived + 1))
    done
    place=2
    [ "$stays" = no ] || place=1
    [ "$(tb virsh $place domstate stuck | head -n 1)" = running ] &&
        [ "$(tb ask stuck check | jq .errors)" = 0 ] &&
            lived=$((lived + 1))
    figure lived "$lived"
    for name in one two stuck; do
        said=$(record "$name" .outcome.status)
        case $name:$said:$stays in
        *::* | one:completed:* | two:completed:* | stuck:completed:no | \
            stuck:failed:yes | *:left:*) ;;
        *) contrary=$((contrary + 1)) ;;
        esac
    done
    figure contrary_records "$contrary"
    left=0
    await_quietly 15 no_classes || left=$(classes)
    figure left_classes "$left"
    if [ "$stays" = no ]; then
        figure put_back unseen
    elif await_quietly 15 limits_are "$before"; then
        figure put_back yes
    else
        figure put_back no
        figure limit "$(limits)"
    fi
    kill "$watcher" 2>/dev/null || true
    kill -TERM "$supervisor"
    wait "$supervisor" || true
    wrong=$(awk '$2 != $3 && index(" " $3 " ", " " $2 " ") == 0' \
        "$logs/ports" | wc -l)
    figure looks "$(wc -l <"$logs/ports")"
    figure wrong_adoptions "$wrong"
}

# limits: of the one that stays
limits() {
    echo "$(tb virsh 1 migrate-getmaxdowntime stuck | xargs)" \
        "$(tb virsh 1 migrate-getspeed stuck | xargs)"
}

limits_are() { [ "$(limits)" = "$1" ]; }

# raised_or_ended PROCESS
raised_or_ended() {
    grep -q "'stuck': raises the downtime limit" "$logs/daemon.log" ||
        ! kill -0 "$1"
}

# await_quietly SECONDS COMMAND...
await_quietly() {
    local until=$((SECONDS + $1))

    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.2
    done
}
