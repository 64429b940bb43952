# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# testbed-hosts-lib.sh - experiments on two hosts that are only known by their
# URIs
#
# The hosts are those of a testbed, each with an sshd, and experiments are made
# from the testbed's client: all it has of them is ssh and libvirt. What a
# researcher's own network does, the testbed's wire does here, by
# --wire-command.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORK=$TEST_BUILD/system/$TEST_NAME.out
URIS=qemu+ssh://root@host1/system,qemu+ssh://root@host2/system

# on NODE COMMAND...
on() {
    tb exec "$@"
}

# sshd_start NODE: a key of its own, and who has our key comes in
sshd_start() {
    on "$1" mkdir -p /run/sshd &&
        on "$1" /usr/sbin/sshd -f "$WORK/sshd_config" -E "$WORK/sshd.$1.log"
}

# ssh_prepare: nothing outside of the testbed's namespaces is changed
ssh_prepare() {
    local node

    ssh-keygen -q -t ed25519 -N '' -f "$WORK/key" &&
        ssh-keygen -q -t ed25519 -N '' -f "$WORK/host_key" || return 1
    cat >"$WORK/sshd_config" <<END
HostKey $WORK/host_key
AuthorizedKeysFile $WORK/key.pub
StrictModes no
UsePAM no
PidFile /run/sshd.pid
END
    cat >"$WORK/ssh_config" <<END
IdentityFile $WORK/key
UserKnownHostsFile $WORK/known_hosts
StrictHostKeyChecking accept-new
END
    for node in 1 2 client; do
        on "$node" mount --bind "$WORK/ssh_config" /etc/ssh/ssh_config ||
            return 1
    done
    sshd_start 1 && sshd_start 2
}

# experiment_words SCENARIO [OPTION...]: the command line from the client,
# quoted for another shell
experiment_words() {
    local scenario=$1

    shift
    printf '%q ' "$TEST_SOURCE/tools/testbed/vmferry-testbed" exec client \
        env VMFERRY_ACCEL="$(<"$VMFERRY_STATE/accel")" \
        VMFERRY_PROGRAM="$TEST_BUILD/tools/cli/vmferry" \
        "$TEST_SOURCE/tools/testbed/vmferry-testbed" run "$WORK/$scenario" \
        --hosts "$URIS" --out "$WORK/results" --state "$WORK/state" \
        --bridge br0 --guests-at 10.77.1.100/16 --link mig0 --keep-disturbed \
        --resume "$@"
}

experiment() {
    eval "$(experiment_words "$@")" </dev/null
}

# runs SCENARIO: how many results there are
runs() {
    find "$WORK/results/$1/runs" -type f | wc -l
}

# result NAME FILTER
result() {
    zstd -dcqf "$WORK/results/two/runs/$1.json"* | jq -r "$2"
}

# left HOST: what of an experiment is still there
left() {
    on "$1" ls /var/lib/libvirt/images 2>/dev/null | grep vmferry-testbed-
    tb virsh "$1" list --all --name | grep -vx -e '' -e bystander
    on "$1" tc qdisc show dev mig0 | grep htb
    on "$1" ss -Htna '( sport = :5300 or dport = :5300 )' |
        grep -E 'LISTEN|ESTAB'
}

# left_here: ... on the machine that made it
left_here() {
    pgrep -f "ControlPath=/tmp/vmferry-hosts-"
    pgrep -f "vmferry-experiment client .* $WORK/results/work/"
    pgrep -f "$TEST_BUILD/tools/cli/vmferry migrate"
    [ ! -e "$WORK/state" ] || echo "$WORK/state"
}

# nothing_left WHAT: once what was told to end has ended
nothing_left() {
    wait_for 15 "$1" eval \
        '[ -z "$(left 1)$(left 2)$(left_here)" ]' ||
        printf '  | %s\n' "host1: $(left 1)" "host2: $(left 2)" \
            "here: $(left_here)"
}

# migrates_shaped: in its first pass at least, and the source shapes: so not
# plain virsh
migrates_shaped() {
    grep -q htb <<<"$(on 1 tc qdisc show dev mig0)" &&
        grep -Eq '^Iteration: *[1-9]' <<<"$(tb virsh 1 domjobinfo memory)"
}

# interrupt WHAT SCENARIO: run it on a terminal of its own, and type Ctrl-C
# there in mid-migration, with all that belongs to a run around it
interrupt() {
    local pid status

    rm -f "$WORK/keyboard"
    mkfifo "$WORK/keyboard"
    echo "exec $(experiment_words "$2" --wire-command "$WORK/set-wire")" \
        >"$WORK/typed.sh"
    script --quiet --return --command "bash $WORK/typed.sh" /dev/null \
        <"$WORK/keyboard" >"$WORK/interrupted.log" 2>&1 &
    pid=$!
    exec 5>"$WORK/keyboard"
    wait_for 180 "$1 migrates" migrates_shaped
    check "... cross traffic flows" grep -q ESTAB <<<"$(left 1)"
    check "... the client looks" grep -q '^[0-9]' <<<"$(left_here)"
    (trap '' PIPE && printf '\003' >&5) 2>/dev/null
    wait "$pid"
    status=$?
    exec 5>&-
    check_equal "... Ctrl-C: its exit status" 130 "$status"
}

# hosts_prepare: what this needs, and the scenario two.conf
hosts_prepare() {
    needs_root
    command -v zstd >/dev/null || skip "zstd is missing: apt-get install zstd"
    [ -x /usr/sbin/sshd ] ||
        skip "sshd is missing: apt-get install openssh-server"
    [ -f /etc/ssh/ssh_config ] || skip "there is no /etc/ssh/ssh_config"
    rm -rf "$WORK"
    mkdir -p "$WORK"
    cat >"$WORK/two.conf" <<'END'
[scenario]
wires = 200mbit
methods = virsh, default
cross = two
cut-off = 30
settle = 1
before = 2
after = 1

[cross two]
flows = 2

[guest memory]
memory = 128
workload = memory
arguments = rate=300,set=16
END
    cat >"$WORK/set-wire" <<END
#!/bin/sh
exec "$TEST_SOURCE/tools/testbed/vmferry-testbed" --state "$VMFERRY_STATE" \\
    --quiet wire "\$1"
END
    chmod 755 "$WORK/set-wire"
}
