# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# far.sh - a destination for guests on paper: another namespace, behind a wire
#
# For tests that preload the fake libvirt; after lib.sh.

# far_enter "$@": begin anew in namespaces of our own, or skip the test
far_enter() {
    local program

    [ "$(id -u)" = 0 ] || skip "namespaces need root"
    [ -z "${VMFERRY_SANITIZED:-}" ] ||
        skip "the fake libvirt is preloaded, and would come before the sanitizer"
    for program in jq python3 nsenter; do
        command -v $program >/dev/null || skip "$program is missing"
    done
    [ "${1:-}" = inside ] || exec unshare --net --mount "$0" inside
}

# far_begin: near0 is 10.9.0.1/24, far0 beyond it 10.9.0.2/24; whatever comes to
# its ports 49152 to 49215, and 50123, is dropped. $WORK has to be a folder, FAR
# and SINK are to be killed.
far_begin() {
    unshare --net sleep 600 &
    FAR=$!
    ip link set lo up
    wait_for 60 "there is a far namespace" sh -c \
        "[ \"\$(readlink /proc/$FAR/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]"
    ip link add near0 type veth peer name far0 netns $FAR
    ip address add 10.9.0.1/24 dev near0
    ip link set near0 up
    nsenter -t $FAR -n ip address add 10.9.0.2/24 dev far0
    nsenter -t $FAR -n ip link set far0 up
    nsenter -t $FAR -n python3 - "$WORK/sink" <<'END' &
import selectors, socket, sys
sel = selectors.DefaultSelector()
for port in [*range(49152, 49216), 50123]:
    s = socket.create_server(("10.9.0.2", port), backlog=8)
    s.setblocking(False)
    sel.register(s, selectors.EVENT_READ, True)
open(sys.argv[1], "w").close()
unseen = bytearray(1 << 20)
while True:
    for key, _ in sel.select():
        if key.data:
            c, _ = key.fileobj.accept()
            c.setblocking(False)
            sel.register(c, selectors.EVENT_READ, False)
            continue
        try:
            n = key.fileobj.recv_into(unseen, len(unseen), socket.MSG_TRUNC)
        except OSError:
            n = 0
        if not n:
            sel.unregister(key.fileobj)
            key.fileobj.close()
END
    # shellcheck disable=SC2034 # for whoever cleans up
    SINK=$!
    wait_for 30 "somebody takes the streams" test -e "$WORK/sink"
}
