# SPDX-License-Identifier: MIT
# What looks into a running QEMU have in common: one machine at a time, whose console is read from $log and
# written to through descriptor 3, and whose sockets are in $sockets.
# shellcheck shell=bash

limit=${TWOFOLD_ATTACH_TIMEOUT:-120}
# A socket's path is short.
sockets=$(mktemp -d) || exit
passed=0 failed=0 qemu=''
# shellcheck disable=SC2034 # for who needs it
log=''

end_machine() {
    [ -z "$qemu" ] || { kill "$qemu" && wait "$qemu"; } 2>/dev/null
    qemu=''
    exec 3>&-
}
trap 'end_machine; rm -rf "$sockets"' EXIT
trap 'exit 1' INT TERM

ok() { # NAME WHY: no reason is a success
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        note "$(printf '%-56s pass' "$1")"
    else
        failed=$((failed + 1))
        note "$(printf '%-56s FAIL  %s' "$1" "$2")"
    fi
}

wait_until() { # COMMAND...: until it succeeds
    local waited=0
    until "$@"; do
        [ $((waited++)) -lt $((limit * 10)) ] || return 1
        sleep 0.1
    done 2>/dev/null
}

has_text() { # FILE TEXT [COUNT]
    [ "$(grep -cF -- "$2" "$1")" -ge "${3:-1}" ]
}
wait_for() { wait_until has_text "$@"; }

# What the command and QEMU have to be told so that they find each other.
attach() { build/release/bin/twofold attach --qmp "$sockets/qmp" --gdb "$sockets/gdb" --timeout "$limit" "$@"; }
qemu_sockets() {
    echo "-qmp unix:$sockets/qmp,server=on,wait=off" \
        "-chardev socket,path=$sockets/gdb,server=on,wait=off,id=gdb -gdb chardev:gdb"
}

# begin_machine COMMAND-LINE: as a shell understands it.
begin_machine() {
    rm -f "$sockets"/*
    mkfifo "$sockets/console"
    eval "exec timeout -k 5 $((limit * 4)) $1 $(qemu_sockets)" '<"$sockets/console" >"$log" 2>&1' &
    qemu=$!
    exec 3>"$sockets/console"
}

# A command of QMP, by hand.
qmp() { # COMMAND
    python3 - "$sockets/qmp" "$1" <<'END'
import json, socket, sys
link = socket.socket(socket.AF_UNIX)
link.settimeout(60)
link.connect(sys.argv[1])
stream = link.makefile("rw")
stream.readline()
for command in ("qmp_capabilities", sys.argv[2]):
    stream.write(json.dumps({"execute": command}) + "\n")
    stream.flush()
    while "event" in (reply := json.loads(stream.readline())):
        pass
print(json.dumps(reply))
END
}

state() { qmp query-status | sed 's/.*"status": "\([a-z]*\)".*/\1/'; }

# A watch in the background, as $watch. Not through a function, whose shell would get the signal.
begin_watch() { # FILE
    build/release/bin/twofold attach --qmp "$sockets/qmp" --gdb "$sockets/gdb" --timeout "$limit" \
        watch --interval 0.2 --json >"$1" 2>"$1.errors" &
    watch=$!
    wait_for "$1" '"first":false'
}
end_watch() {
    kill -TERM "$watch"
    wait "$watch"
}
