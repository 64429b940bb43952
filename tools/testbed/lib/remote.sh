# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# remote.sh - hosts that are there, reached by ssh and libvirt's URIs
#
# One connection of ssh a host is kept open (its control socket lies in a folder
# of our own, for a socket's path is short), so that a step takes milliseconds
# and not a handshake.
#
# What runs there ends when its ssh does: the far side reads a standard input
# that nobody writes to, and ends the program when it is closed.

# remote_sockets: folder of the control sockets
remote_sockets() {
    echo "/tmp/vmferry-hosts-${TOKEN:0:16}"
}

# remote_names A-URI,B-URI: into STATE/uriN, sshN (words before the command),
# nameN
remote_names() {
    local n=1 uri

    [[ $1 =~ ^[^,[:space:]]+,[^,[:space:]]+$ ]] ||
        usage_error "--hosts takes two URIs, A,B, not \`$1'"
    for uri in "${1%,*}" "${1#*,}"; do
        [[ $uri =~ ^qemu\+(ssh|tls)://(([A-Za-z0-9_.-]+)@)?([A-Za-z0-9.-]+)(:([0-9]+))?/system(\?.*)?$ ]] ||
            usage_error "$uri is no URI of a host that is reached from here:" \
                "qemu+ssh://HOST/system or qemu+tls://HOST/system"
        echo "$uri" >"$STATE/uri$n"
        echo "${BASH_REMATCH[4]}" >"$STATE/name$n"
        {
            # the port is ssh's only in a URI of ssh
            [ "${BASH_REMATCH[1]}" = tls ] || [ -z "${BASH_REMATCH[6]}" ] ||
                printf '%s\n' -p "${BASH_REMATCH[6]}"
            printf '%s\n' "${BASH_REMATCH[3]:-root}@${BASH_REMATCH[4]}"
        } >"$STATE/ssh$n"
        n=$((n + 1))
    done
    [ "$(<"$STATE/name1")" != "$(<"$STATE/name2")" ] ||
        usage_error "--hosts names $(<"$STATE/name1") twice: a migration has" \
            "a source and a destination"
    mkdir -m 700 "$(remote_sockets)"
}

# remote_open N: the connection that the others share
remote_open() {
    local words why

    mapfile -t words <"$STATE/ssh$1"
    ssh -f -N -M -o BatchMode=yes -o ConnectTimeout=15 \
        -o ControlPath="$(remote_sockets)/$1" -o ServerAliveInterval=15 \
        "${words[@]}" </dev/null >"$STATE/ssh$1.log" 2>&1 || {
        why=$(grep -v '^Warning: Permanently' "$STATE/ssh$1.log" | tail -n 1)
        die "ssh ${words[*]} does not work without a question: ${why:-no" \
            "reason given} (ssh-copy-id ${words[*]}, and once by hand for the" \
            "host's key)"
    }
}

remote_close() {
    local words

    [ -S "$(remote_sockets)/$1" ] || {
        rmdir "$(remote_sockets)" 2>/dev/null || true
        return 0
    }
    mapfile -t words <"$STATE/ssh$1"
    ssh -O exit -o ControlPath="$(remote_sockets)/$1" "${words[@]}" \
        >/dev/null 2>&1 || true
    rm -f "$(remote_sockets)/$1" # of one that was killed
    rmdir "$(remote_sockets)" 2>/dev/null || true
}

# quoted WORD...: for another shell
quoted() {
    local word

    for word in "$@"; do
        printf "'%s' " "${word//\'/\'\\\'\'}"
    done
}

# node_enter NODE COMMAND...: become that command there; client: here
node_enter() {
    local words n=${1#host} far

    if [ "$1" = client ]; then
        shift
        exec "$@"
    fi
    shift
    mapfile -t words <"$STATE/ssh$n"
    # shellcheck disable=SC2016 # for the shell over there
    far='PATH=$PATH:/usr/sbin:/sbin; exec 3<&0; "$@" </dev/null 3<&- & p=$!
        { read -r _ <&3; kill $p; } >/dev/null 2>&1 & w=$!
        exec 3<&-; wait $p; s=$?; kill $w 2>/dev/null; exit $s'
    exec ssh -o BatchMode=yes -o ControlPath="$(remote_sockets)/$n" \
        -o ConnectTimeout=15 -o LogLevel=ERROR "${words[@]}" \
        "$(quoted sh -c "$far" sh "$@")" <>"$STATE/hold"
}

node_exec() {
    (node_enter "$@")
}

# node_has NODE PID: for cross.sh, whose processes are ours, ssh or not
node_has() {
    kill -0 "$2" 2>/dev/null
}

# remote_put N OURS FILE
remote_put() {
    local words

    mapfile -t words <"$STATE/ssh$1"
    ssh -o BatchMode=yes -o ControlPath="$(remote_sockets)/$1" \
        -o LogLevel=ERROR "${words[@]}" \
        "$(quoted sh -c 'cat >"$1.new" && chmod 644 "$1.new" &&
            mv "$1.new" "$1"' sh "$3")" <"$2" ||
        die "$3 could not be written on $(<"$STATE/name$1")"
}

# remote_virsh N ARGUMENT...
remote_virsh() {
    local n=$1

    shift
    virsh -q -c "$(<"$STATE/uri$n")" "$@" </dev/null
}

remote_folder() {
    cat "$STATE/folder"
}

# needs N PROGRAM PACKAGE
remote_needs() {
    # shellcheck disable=SC2016 # for the shell over there
    node_exec "host$1" sh -c 'command -v "$1"' sh "$2" >/dev/null ||
        die "$(<"$STATE/name$1") has no $2: apt-get install $3"
}

# remote_clock N: of there, less ours, in milliseconds: by the quickest answer
remote_clock() {
    local _ before there after best=1000000 took off=0

    for _ in 1 2 3 4 5; do
        before=$(date +%s%3N)
        there=$(node_exec "host$1" date +%s%3N)
        after=$(date +%s%3N)
        took=$((after - before))
        if ((took < best)); then
            best=$took
            off=$((there - before - took / 2))
        fi
    done
    echo "$off"
}

# remote_check BRIDGE PROGRAM: all that can be wrong before a guest starts
remote_check() {
    local n off name uuids=()

    need ssh openssh-client
    need virsh libvirt-clients
    need iperf3 iperf3
    for n in 1 2; do
        remote_open "$n"
        name=$(<"$STATE/name$n")
        [ "$(node_exec "host$n" id -u)" = 0 ] ||
            die "$(tail -n 1 "$STATE/ssh$n") is not root there: traffic" \
                "control and the guests' files need it; name root@$name"
        remote_virsh "$n" uri >/dev/null 2>"$STATE/why" ||
            die "$(<"$STATE/uri$n"): $(head -n 1 "$STATE/why")"
        uuids+=("$(remote_virsh "$n" capabilities |
            sed -n 's:.*<uuid>\(.*\)</uuid>.*:\1:p' | head -n 1)")
        remote_needs "$n" iperf3 iperf3
        node_exec "host$n" test -d "/sys/class/net/$1/bridge" ||
            die "$name has no bridge $1 for the guests: --bridge names another" \
                "(docs/testbed.md, \"Two real hosts\")"
        off=$(remote_clock "$n")
        ((${off#-} <= 200)) ||
            die "the clock of $name is off by $off ms from ours: cross traffic" \
                "and migration could not be set beside each other (apt-get" \
                "install chrony, on all three machines)"
    done
    [ "${uuids[0]}" != "${uuids[1]}" ] ||
        die "both URIs lead to the same libvirt, whose host UUID is" \
            "${uuids[0]}: libvirt refuses a migration from a host to itself"
    remote_needs 1 tc iproute2
    node_exec host1 "$2" --version >/dev/null 2>&1 ||
        die "$(<"$STATE/name1") does not run $2: vmferry has to be installed" \
            "on the source, VMFERRY_PROGRAM names its path there"
    node_exec host1 virsh -q -c "$(<"$STATE/uri2")" uri >/dev/null \
        2>"$STATE/why" ||
        die "$(<"$STATE/name1") does not reach $(<"$STATE/uri2"), which it" \
            "migrates to: $(head -n 1 "$STATE/why")"
    remote_data_address
}

# remote_data_address: where the stream goes, which is what libvirt over there
# calls its host; STATE/address2
remote_data_address() {
    local name address

    name=$(remote_virsh 2 hostname)
    address=$(node_exec host1 getent ahostsv4 "$name" |
        awk 'NR == 1 { print $1 }') || true
    [ -n "$address" ] ||
        die "$(<"$STATE/name1") does not know \"$name\", as libvirt of" \
            "$(<"$STATE/name2") calls its host: a line in its /etc/hosts"
    case $address in
    127.*)
        die "\"$name\" is $address on $(<"$STATE/name1"): a migration would go" \
            "nowhere; mend its /etc/hosts"
        ;;
    esac
    echo "$address" >"$STATE/address2"
    # shellcheck disable=SC2016 # for the shell over there
    node_exec host1 sh -c 'echo "${SSH_CONNECTION%% *}"' >"$STATE/address-client"
}

# remote_link DEVICE: by which the stream leaves; found if not given
remote_link() {
    local device=$1

    if [ -z "$device" ]; then
        device=$(node_exec host1 ip -o route get "$(<"$STATE/address2")" |
            sed -n 's/.* dev \([^ ]*\).*/\1/p')
        if node_exec host1 test -d "/sys/class/net/$device/bridge"; then
            die "the way from $(<"$STATE/name1") to $(<"$STATE/address2") leads" \
                "over the bridge $device: --link names the interface that" \
                "the stream leaves by"
        fi
    fi
    node_exec host1 test -d "/sys/class/net/$device" ||
        die "$(<"$STATE/name1") has no interface $device: --link names another"
    node_exec host1 tc qdisc show dev "$device" | grep -q ' htb ' &&
        die "$device of $(<"$STATE/name1") has traffic control of somebody" \
            "else's (tc qdisc show dev $device): experiments would disturb it"
    echo "$device" >"$STATE/link"
}

# remote_accel: kvm, if libvirt has it on both
remote_accel() {
    local n

    case ${VMFERRY_ACCEL:-} in
    kvm | tcg)
        echo "$VMFERRY_ACCEL"
        return
        ;;
    esac
    for n in 1 2; do
        remote_virsh "$n" domcapabilities --virttype kvm >/dev/null 2>&1 || {
            say "$(<"$STATE/name$n") has no KVM: guests are emulated"
            echo tcg
            return
        }
    done
    echo kvm
}

# remote_folders: one on each host, for kernel, initramfs and consoles
remote_folders() {
    local n folder=/var/lib/libvirt/images/vmferry-testbed-$TOKEN

    echo "$folder" >"$STATE/folder"
    for n in 1 2; do
        node_exec "host$n" mkdir -p -m 755 "$folder" ||
            die "$folder cannot be made on $(<"$STATE/name$n")"
    done
}

# remote_image KIND: over to both hosts, once; prints its folder there
remote_image() {
    local n here there file

    here=$(image_make "$1")
    there=$(remote_folder)/$1
    if [ ! -f "$STATE/image-$1" ]; then
        for n in 1 2; do
            node_exec "host$n" mkdir -p -m 755 "$there"
            for file in vmlinuz initrd; do
                remote_put "$n" "$here/$file" "$there/$file"
            done
        done
        : >"$STATE/image-$1"
    fi
    echo "$there"
}

# remote_emulator N: the host's own; TCG before QEMU 9.0 needs a wrapper to
# migrate without losing memory, at the same path on both hosts
remote_emulator() {
    local n emulator=/usr/bin/qemu-system-x86_64 wrapper

    if [ "$(<"$STATE/accel")" = kvm ]; then
        remote_virsh "$1" domcapabilities --virttype kvm |
            sed -n 's:.*<path>\(.*\)</path>.*:\1:p' | head -n 1
        return
    fi
    wrapper=$(remote_folder)/qemu
    if [ ! -f "$STATE/emulator" ]; then
        for n in 1 2; do
            remote_put "$n" "$TESTBED_DIR/guest/qemu-odd-memory" "$wrapper"
            node_exec "host$n" chmod 755 "$wrapper"
        done
        echo "$emulator" >"$STATE/emulator"
    fi
    echo "$wrapper"
}

# remote_free_name NAME: no guest of somebody else's has it, running or not
remote_free_name() {
    local n

    for n in 1 2; do
        if remote_virsh "$n" domuuid "$1" >/dev/null 2>&1; then
            die "a guest \"$1\" is on $(<"$STATE/name$n") already: the" \
                "scenario's guest needs another name"
        fi
    done
}

# remote_guest_address INDEX: with the prefix
remote_guest_address() {
    local first a b c d

    first=$(<"$STATE/guests-at")
    [[ $first =~ ^([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)/[0-9]+$ ]] ||
        usage_error "--guests-at takes an address with its prefix," \
            "192.0.2.200/24, not \`$first'"
    IFS=. read -r a b c d <<<"${first%/*}"
    echo "$a.$b.$c.$((d + $1 - 1))/${first#*/}"
}

guest_address() {
    cat "$STATE/guests/$1/address"
}

remote_boot_over() {
    guest_answers "$1" ||
        ! remote_virsh "$2" domstate "$1" 2>/dev/null |
            grep -qx -e running -e paused
}

# remote_guest_end UUID: one of ours, wherever it is
remote_guest_end() {
    local n

    for n in 1 2; do
        remote_virsh "$n" destroy "$1" >/dev/null 2>&1 || true
    done
}

# cross_address NODE: where flows to it go
cross_address() {
    case $1 in
    client) cat "$STATE/address-client" ;;
    *) cat "$STATE/address2" ;;
    esac
}
