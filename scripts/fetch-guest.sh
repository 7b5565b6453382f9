#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches Debian's arm64 kernel, busybox and libfdt through an apt state of its own under build/deps/apt:
# the machine's apt configuration and list of architectures stay as they are. Does nothing, and needs
# no network, once the files are there.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

deps=$PWD/build/deps
apt=$deps/apt
arm64=$deps/arm64
kernel=build/guest/vmlinuz
log=$apt/log

have_everything() {
    [ -s "$kernel" ] && [ -s "$arm64/bin/busybox" ] && [ -s "$arm64/lib/libfdt.a" ] &&
        [ -s "$arm64/include/libfdt.h" ]
}

# Every apt call below goes through here, so that none can see the machine's own state.
private() {
    command=$1
    shift
    "$command" -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
        -o APT::Architectures::=arm64 \
        -o Dir::State="$apt/state" -o Dir::State::status="$apt/state/status" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=3 \
        ${sources:+-o Dir::Etc::SourceList="$sources" -o Dir::Etc::SourceParts=/dev/null} "$@"
}

# On Debian the machine's own sources serve arm64 too. Other systems get Debian's archive, checked with
# Debian's keys, which come from a package that the system itself vouches for.
choose_sources() {
    sources=
    id=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || true
    [ "$id" != debian ] || return 0

    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ ! -s "$keyring" ]; then
        mkdir -p "$apt/keyring"
        (cd "$apt/keyring" && apt-get -q download debian-archive-keyring >>"$log" 2>&1) ||
            die "cannot download the package debian-archive-keyring; see $log"
        dpkg-deb -x "$apt"/keyring/*.deb "$apt/keyring"
        keyring=$apt/keyring$keyring
    fi
    sources=$apt/sources.list
    {
        echo "deb [signed-by=$keyring] http://deb.debian.org/debian bookworm main"
        echo "deb [signed-by=$keyring] http://deb.debian.org/debian-security bookworm-security main"
    } >"$sources"
}

# download PACKAGE: leaves its newest version in $apt/debs and prints the file's name.
download() {
    rm -f "$apt/debs/$1"_*.deb
    (cd "$apt/debs" && private apt-get download "$1" >>"$log" 2>&1) ||
        die "cannot download the arm64 package $1; see $log"
    ls "$apt/debs/$1"_*.deb
}

# A file is whole as soon as it has its name.
place() { # FILE FOLDER
    cp "$1" "$2/part"
    mv "$2/part" "$2/$(basename "$1")"
}

little_endian_32() { # FILE OFFSET
    od -A n -t u1 -j "$2" -N 4 "$1" | { read -r a b c d; echo $((a + b * 256 + c * 65536 + d * 16777216)); }
}

# to_image FROM TO: unwraps gzip and EFI zboot until an arm64 Image is left.
to_image() {
    cp "$1" "$2.part"
    while :; do
        if [ "$(dd if="$2.part" bs=1 skip=56 count=4 2>/dev/null | tr -d '\0')" = 'ARMd' ]; then
            mv "$2.part" "$2"
            return
        elif [ "$(od -A n -t x1 -N 2 "$2.part" | tr -d ' ')" = 1f8b ]; then
            gzip -dc <"$2.part" >"$2.next"
        elif [ "$(dd if="$2.part" bs=1 skip=4 count=4 2>/dev/null | tr -d '\0')" = zimg ]; then
            offset=$(little_endian_32 "$2.part" 8)
            size=$(little_endian_32 "$2.part" 12)
            kind=$(dd if="$2.part" bs=1 skip=24 count=8 2>/dev/null | tr -d '\0')
            case $kind in
            gzip) unpack="gzip -dc" ;;
            zstd*) unpack="zstd -dcq" ;;
            *) die "the kernel $1 is an EFI zboot image compressed with $kind, which is not supported" ;;
            esac
            tail -c "+$((offset + 1))" "$2.part" | head -c "$size" | $unpack >"$2.next"
        else
            rm -f "$2.part"
            die "$1 is no arm64 Linux image"
        fi
        mv "$2.next" "$2.part"
    done
}

# Another script that wants only the conversion: fetch-guest.sh --to-image FROM TO
if [ "${1:-}" = --to-image ]; then
    to_image "$2" "$3"
    exit
fi

if have_everything; then
    exit 0
fi

# Two makes at a time share one download.
mkdir -p "$apt"
exec 9>"$apt/lock"
if command -v flock >/dev/null; then
    flock 9
    ! have_everything || exit 0
fi

for tool in apt-get apt-cache dpkg-deb; do
    command -v $tool >/dev/null ||
        die "$tool is not there to fetch arm64 files; put an arm64 Image at $kernel, a static busybox at" \
            "$arm64/bin/busybox and libfdt.a and its headers under $arm64 by hand"
done

mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/debs" build/guest \
    "$arm64/bin" "$arm64/lib" "$arm64/include"
touch "$apt/state/status"
: >"$log"
step "fetching Debian's arm64 kernel, busybox and libfdt (about 75 MB, once)"
choose_sources
# A source of the machine that has no arm64 makes update fail, which matters only if a package is missing.
private apt-get update >>"$log" 2>&1 || true

image=$(private apt-cache show --no-all-versions linux-image-arm64 2>>"$log" |
    sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
[ -n "$image" ] || die "the package sources offer no linux-image-arm64; see $log"

deb=$(download "$image")
rm -rf "$apt/unpacked"
mkdir -p "$apt/unpacked"
dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$apt/unpacked" --wildcards './boot/vmlinuz-*'
to_image "$apt"/unpacked/boot/vmlinuz-* "$kernel"

deb=$(download busybox-static)
dpkg-deb -x "$deb" "$apt/unpacked"
for path in bin usr/bin; do
    [ ! -f "$apt/unpacked/$path/busybox" ] || place "$apt/unpacked/$path/busybox" "$arm64/bin"
done

deb=$(download libfdt-dev)
dpkg-deb -x "$deb" "$apt/unpacked"
for header in "$apt"/unpacked/usr/include/*fdt*.h; do
    place "$header" "$arm64/include"
done
place "$apt/unpacked/usr/lib/aarch64-linux-gnu/libfdt.a" "$arm64/lib"

rm -rf "$apt/unpacked"
have_everything || die "the arm64 packages lack an expected file; see $log"
note "kernel $image, $(wc -c <"$kernel" | awk '{printf "%.1f", $1 / 1048576}') MiB"
