# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# cross.sh - TCP flows beside the migration, and what they got
#
# The flows begin on the source host and leave by its migration NIC. Counted
# is what arrives: the server's own report, a line a second with the time,
# written at once, so that the record survives whatever ends the flows.

readonly CROSS_PORT=5300

cross_pid() {
    local pid

    [ -f "$STATE/cross/$1.pid" ] || return 1
    pid=$(<"$STATE/cross/$1.pid")
    node_has "$(<"$STATE/cross/$2")" "$pid" || return 1
    echo "$pid"
}

# cross_running: whether the sending side is alive
cross_running() {
    cross_pid client from >/dev/null
}

# cross_flows_or_end: the first whole second was counted, or nobody sends.
# By the process alone: just after its start it is not in the node yet.
cross_flows_or_end() {
    grep -q "$CROSS_FIRST" "$STATE/cross/server.log" 2>/dev/null ||
        ! kill -0 "$(<"$STATE/cross/client.pid")" 2>/dev/null
}

# cross_start FROM TO FLOWS
cross_start() {
    local dir=$STATE/cross address

    address=$(cross_address "$2")
    cross_running && die "cross traffic runs already: \`vmferry-testbed" \
        "cross stop' ends it"
    rm -rf "$dir"
    mkdir -p "$dir"
    echo "$1" >"$dir/from"
    echo "$2" >"$dir/to"
    echo "$3" >"$dir/flows"
    # node_exec ends in exec: the background job's pid is the program's
    (node_enter "$2" iperf3 -s -p "$CROSS_PORT" -i 1 -f k --forceflush \
        --timestamps='%s ' </dev/null >"$dir/server.log" 2>&1 9>&-) &
    echo $! >"$dir/server.pid"
    disown $!
    wait_until 10 cross_listens "$2" ||
        die "iperf3 does not listen on $2: $(tail -n 2 "$dir/server.log")"
    (node_enter "$1" iperf3 -c "$address" -p "$CROSS_PORT" -P "$3" -t 86400 \
        -i 0 </dev/null >"$dir/client.log" 2>&1 9>&-) &
    echo $! >"$dir/client.pid"
    disown $!
    CROSS_FIRST=SUM
    [ "$3" = 1 ] && CROSS_FIRST=bits/sec
    wait_until 15 cross_flows_or_end || true
    if ! grep -q "$CROSS_FIRST" "$dir/server.log" || ! cross_running; then
        die "the flows did not start: $(tail -n 2 "$dir/client.log")"
    fi
}

# cross_listens NODE
cross_listens() {
    grep -q LISTEN <<<"$(node_exec "$1" ss -Hltn "sport = :$CROSS_PORT")"
}

# cross_stop: the record stays
cross_stop() {
    local side node pid

    for side in client server; do
        node=from
        [ "$side" = server ] && node=to
        if pid=$(cross_pid "$side" "$node"); then
            kill "$pid" 2>/dev/null || true
            wait_until 10 cross_gone "$side" "$node" ||
                die "iperf3 (process $pid) does not end"
        fi
    done
}

cross_gone() {
    ! cross_pid "$1" "$2" >/dev/null
}

# cross_report: one JSON object. bytes_s is what all flows together received
# in the second that ended at `at' (epoch), `elapsed_s' after their start.
cross_report() {
    local running=false

    [ -f "$STATE/cross/server.log" ] ||
        die "no cross traffic was started: \`vmferry-testbed cross start'"
    cross_running && running=true
    awk -v from="$(<"$STATE/cross/from")" -v to="$(<"$STATE/cross/to")" \
        -v flows="$(<"$STATE/cross/flows")" -v running="$running" '
        # 1700000000 [SUM]   1.00-2.00   sec  5735 KBytes  46980 Kbits/sec
        /Kbits\/sec/ && !/sender|receiver/ {
            sum = /\[SUM\]/
            if (flows > 1 ? !sum : sum) {
                next
            }
            for (i = 2; i <= NF; i++) {
                if ($i == "Kbits/sec") {
                    rate = $(i - 1) * 125
                }
                if ($i == "sec") {
                    split($(i - 1), part, "-")
                    seconds = part[2] - part[1]
                }
            }
            if (seconds < 0.5) {
                next
            }
            n++
            at[n] = $1
            since[n] = part[2]
            bytes[n] = rate
            total += rate * seconds
            time += seconds
        }
        END {
            printf "{\"schema\":\"vmferry-cross/1\",\"from\":\"%s\",", from
            printf "\"to\":\"%s\",\"flows\":%d,\"running\":%s,", to, flows,
                running
            printf "\"seconds\":%.0f,\"bytes\":%.0f,", time, total
            printf "\"mean_bytes_s\":%.0f,\"samples\":[",
                time ? total / time : 0
            for (i = 1; i <= n; i++) {
                printf("%s{\"at\":%d,\"elapsed_s\":%.2f,\"bytes_s\":%d}",
                    (i > 1) ? "," : "", at[i], since[i], bytes[i])
            }
            print "]}"
        }' "$STATE/cross/server.log"
}
