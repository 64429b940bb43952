# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# guest.sh - guests, defined and started through libvirt
#
# No disk: kernel and initramfs are the machine's own files, the same on all
# hosts, so nothing but memory has to move. The machine type is one that both
# QEMU 7.2 and 10.0 know.
#
# guest_start() works on what command_guest() read from the command line.
# shellcheck disable=SC2154

# shellcheck disable=SC2034 # for image.sh and the command line
readonly MACHINE=pc-i440fx-7.2
readonly GUEST_PORT=7777

# guest_xml: from the variables of guest_start
guest_xml() {
    local type=qemu nic=

    [ "$accel" = kvm ] && type=kvm
    if [ "$with_nic" = yes ]; then
        nic="<interface type='bridge'>
      <mac address='$(printf '52:54:00:77:01:%02x' "$index")'/>
      <source bridge='${bridge:-br0}'/>
      <model type='virtio'/>
    </interface>"
    fi
    cat <<END
<domain type='$type'>
  <name>$name</name>
  <uuid>$uuid</uuid>
  <memory unit='MiB'>$memory</memory>
  <vcpu>$vcpus</vcpu>
  <os>
    <type arch='x86_64' machine='$machine'>hvm</type>
    <kernel>$image/vmlinuz</kernel>
    <initrd>$image/initrd</initrd>
    <cmdline>$cmdline</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact' check='none'><model>qemu64</model></cpu>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>$emulator</emulator>
    <serial type='file'>
      <source path='${console:-$STATE/guests/$name/console.log}' append='on'/>
    </serial>
    $nic
    <controller type='usb' model='none'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
END
}

# guest_emulator PATH: the emulator to name in the XML. TCG before QEMU 9.0
# needs a wrapper to migrate without losing memory: guest/qemu-odd-memory. It
# stays in the cache, one for each QEMU that there was: libvirt takes a file of
# another name or time for one whose capabilities it does not know.
guest_emulator() {
    local major wrapper hash

    major=$("$1" --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
    [ -n "$major" ] || die "$1 --version tells no version: is it QEMU?"
    if [ "$accel" = kvm ] || ((major >= 9)); then
        echo "$1"
        return
    fi
    hash=$({
        echo "$1"
        stat --dereference --format '%s %Z' "$1"
        cat "$TESTBED_DIR/guest/qemu-odd-memory"
    } | sha256sum)
    # not called qemu-system-: vmferry would warn of what it mends
    wrapper=$CACHE/emulators/${hash:0:16}/odd-memory-${1##*/}
    if [ ! -x "$wrapper" ]; then
        mkdir -p "${wrapper%/*}"
        sed "s|^real=.*|real=$1|" "$TESTBED_DIR/guest/qemu-odd-memory" \
            >"$wrapper.$$"
        chmod 755 "$wrapper.$$"
        mv "$wrapper.$$" "$wrapper"
    fi
    echo "$wrapper"
}

# guest_index: the lowest number that no guest has
guest_index() {
    local used i

    used=$(cat "$STATE"/guests/*/index 2>/dev/null || true)
    for ((i = 1; i < 250; i++)); do
        if ! grep -qx "$i" <<<"$used"; then
            echo "$i"
            return
        fi
    done
    die "249 guests were started here, there is no address for another:" \
        "\`vmferry-testbed down' and \`up' free them"
}

# guest_host NAME: the host where it runs now
guest_host() {
    local i

    for ((i = 1; i <= HOSTS; i++)); do
        if grep -qx -e running -e paused <<<"$(node_exec "host$i" \
            virsh -q -c qemu:///system domstate "$1" 2>/dev/null)"; then
            echo "host$i"
            return
        fi
    done
    return 1
}

# guest_address NAME
guest_address() {
    [ -f "$STATE/guests/$1/index" ] || return 1
    echo "10.77.1.$(<"$STATE/guests/$1/index")"
}

# guest_ask NAME COMMAND: a line to its port 7777, from the client
guest_ask() {
    local address

    address=$(guest_address "$1") || die "no guest $1 was started here"
    # shellcheck disable=SC2016 # expanded by the inner shell
    node_exec client timeout "${ASK_TIMEOUT:-10}" bash -c '
        { exec 3<>"/dev/tcp/$0/$1"; } 2>/dev/null || exit 1
        printf "%s\n" "$2" >&3
        IFS= read -r line <&3 && printf "%s\n" "$line"
    ' "$address" "$GUEST_PORT" "$2"
}

# guest_answers NAME
guest_answers() {
    ASK_TIMEOUT=2 guest_ask "$1" status >/dev/null 2>&1
}

# guest_said_ready NAME: for a guest without a network
guest_said_ready() {
    grep -q VMFERRY-READY "$STATE/guests/$1/console.log" 2>/dev/null
}

# guest_boot_over NAME READY_COMMAND HOST: ready or dead
guest_boot_over() {
    "$2" "$1" || ! guest_host "$1" >/dev/null
}

# guest_undo: a guest that did not get ready is not left half started; its
# console log stays
guest_undo() {
    local status=$?

    trap - EXIT INT TERM HUP
    node_exec "$host" virsh -q -c qemu:///system destroy "$name" \
        >/dev/null 2>&1 || true
    node_exec "$host" virsh -q -c qemu:///system undefine "$name" \
        >/dev/null 2>&1 || true
    exit "$status"
}

# guest_start: from the variables of command_guest
guest_start() {
    local index uuid cmdline dir=$STATE/guests/$name image kind=base accel
    local ready=guest_answers started=$SECONDS

    case $workload in
    cpu | network | program) kind=full ;;
    esac
    image=$(image_make "$kind")
    accel=$(<"$STATE/accel")
    emulator=$(guest_emulator "$emulator")
    if guest_host "$name" >/dev/null; then
        die "a guest $name runs on $(guest_host "$name") already:" \
            "give another name or \`vmferry-testbed virsh $host destroy $name'"
    fi
    rm -rf "$dir"
    index=$(guest_index)
    mkdir -p "$dir"
    echo "$index" >"$dir/index"
    echo "10.77.1.$index" >"$dir/address"
    uuid=$(</proc/sys/kernel/random/uuid)
    cmdline="console=ttyS0 quiet panic=-1 random.trust_bootloader=on"
    cmdline+=" vmferry.name=$name vmferry.workload=$workload"
    cmdline+=" vmferry.ip=10.77.1.$index vmferry.ip6=fd77::1:$(
        printf %x "$index")"
    cmdline+=" vmferry.args=$workload_args vmferry.balloon=$balloon"
    guest_xml >"$dir/domain.xml"
    trap guest_undo EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    if [ "$persistent" = yes ]; then
        node_exec "$host" virsh -q -c qemu:///system define \
            "$dir/domain.xml" >&2 9>&- &&
            node_exec "$host" virsh -q -c qemu:///system start "$name" >&2 9>&-
    else
        node_exec "$host" virsh -q -c qemu:///system create \
            "$dir/domain.xml" >&2 9>&-
    fi || die "libvirt of $host did not start $name (its words are above)"
    [ "$with_nic" = yes ] || ready=guest_said_ready
    wait_until 120 guest_boot_over "$name" "$ready" || true
    "$ready" "$name" ||
        die "$name does not answer; the end of its console:" \
            "$(tail -n 5 "$dir/console.log" 2>/dev/null)"
    trap - EXIT INT TERM HUP
    say "$name runs on $host with $accel, workload $workload," \
        "answers on $(guest_address "$name"):$GUEST_PORT" \
        "after $((SECONDS - started)) s"
}
