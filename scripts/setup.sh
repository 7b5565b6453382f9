#!/bin/sh
# SPDX-License-Identifier: MIT
# setup.sh GOAL...: installs with apt what the goals need and the machine lacks. GOAL is build, cross,
# guest, qemu, web, browser, fuzz, lint, format or coverage. Does nothing, and needs no network, when everything is there.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

missing=
need() { # PACKAGE FILE-OR-COMMAND...: the package is needed unless one of these is there
    package=$1
    shift
    for sign in "$@"; do
        case $sign in
        /*) [ ! -e "$sign" ] || return 0 ;;
        *) ! command -v "$sign" >/dev/null 2>&1 || return 0 ;;
        esac
    done
    case " $missing " in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
}

multiarch=$(uname -m)-linux-gnu
cmake_config() { # NAME: the places where a package may have put NAMEConfig.cmake
    for folder in /usr /usr/local; do
        for file in "$1Config.cmake" "$(echo "$1" | tr "[:upper:]" "[:lower:]")-config.cmake"; do
            echo "$folder/lib/$multiarch/cmake/$1/$file" "$folder/lib/cmake/$1/$file" \
                "$folder/share/cmake/$1/$file"
        done
    done
}

for goal in "$@"; do
    case $goal in
    build)
        need g++ g++
        need cmake cmake
        need ninja-build ninja
        # shellcheck disable=SC2046
        {
            need libgtest-dev $(cmake_config GTest)
            need libbenchmark-dev $(cmake_config benchmark)
            need libcli11-dev $(cmake_config CLI11)
            need libfmt-dev $(cmake_config fmt)
            need nlohmann-json3-dev $(cmake_config nlohmann_json)
        }
        need libfdt-dev /usr/include/libfdt.h
        need zlib1g-dev /usr/include/zlib.h
        ;;
    cross) need g++-aarch64-linux-gnu aarch64-linux-gnu-g++ ;;
    guest) need cpio cpio ;;
    qemu)
        need qemu-system-arm qemu-system-aarch64
        need python3 python3
        ;;
    web)
        need nodejs node
        need npm npm
        ;;
    browser) need chromium chromium chromium-browser ;;
    lint)
        need clang-tidy clang-tidy
        need clang-format clang-format
        ;;
    coverage) need gcovr gcovr ;;
    fuzz)
        need clang clang++
        # shellcheck disable=SC2046
        need libclang-rt-dev $(ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-"$(uname -m)".a \
            2>/dev/null)
        ;;
    format) need clang-format clang-format ;;
    *) die "setup.sh knows no goal $goal" ;;
    esac
done

[ -n "$missing" ] || exit 0

# Each way of not being able to install ends in one line that names what to install.
command -v apt-get >/dev/null 2>&1 ||
    die "missing on this machine, which has no apt-get to install it:$missing (Debian's names)"
if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root=sudo
else
    die "missing, and neither root nor sudo is there to install it:$missing"
fi

mkdir -p build
log=build/setup.log
step "installing$missing"
run_apt() {
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}
: >"$log"
# Old indexes name versions that mirrors no longer have; a failed update matters only if install fails.
run_apt update || true
# shellcheck disable=SC2086
run_apt install --no-install-recommends $missing || {
    tail -n 5 "$log" >&2
    die "apt-get could not install$missing; see $log"
}
