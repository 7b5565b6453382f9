# SPDX-License-Identifier: MIT
# The commands that a person uses. Each does all of its own set-up; `make help` lists them.
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The guest of `make demo`.
CPU ?= max
SMP ?= 2
MEMORY ?= 1G
EXTENT ?= 1G
IPA ?= 40
KERNEL ?=
INITRD ?=
APPEND ?=
MONITOR ?=
VM ?=
TRACE ?=
CHECKED ?= 0
export TRACE CHECKED CPU SMP MEMORY EXTENT IPA KERNEL INITRD APPEND MONITOR VM

.PHONY: help
help:
	@echo 'make demo       boot a Debian kernel under the hypervisor in QEMU and show what was mapped, and why;'
	@echo '                build/results/demo.html is a page of it'
	@echo '                CPU=max SMP=2 MEMORY=1G EXTENT=1G|2M|64K|4K IPA=32..48 change the guest,'
	@echo '                KERNEL=file INITRD=file APPEND=words replace its kernel, initramfs and command line'
	@echo '                VM=memory=512M,extent=4K,ipa=34 is another guest beside the first,'
	@echo '                MONITOR="log on; wait 1s; harvest" are commands for the hypervisor while the guest runs,'
	@echo '                TRACE=file.json writes what happened to its stage 2, for Perfetto,'
	@echo '                CHECKED=1 checks each step on its stage-2 table against the architecture'
	@echo 'make test       everything: host tests, sanitizers, guests booted on six CPU models, pages in Chromium'
	@echo 'make fuzz       look for inputs that break the engine; SECONDS=600 TARGET=operations|plan|decode|files|text'
	@echo 'make mutate     plant faults into the engine, one at a time: the checker has to report each; NAME=... for some'
	@echo 'make bench      what each operation costs, and what a guest notices of it'
	@echo 'make kvm-hang   what KVM does with code in a block of 1 GiB that its table cannot hold, beside our hypervisor;'
	@echo '                KERNEL=file is the host'"'"'s kernel'
	@echo 'make lint       clang-tidy and clang-format, as errors'
	@echo 'make format     let clang-format rewrite the sources'
	@echo 'make build      the command and the hypervisor, nothing else'
	@echo 'make coverage   which lines the host tests reach'
	@echo 'make clean      remove what was built; make distclean also removes what was downloaded'

.PHONY: build
build:
	@scripts/setup.sh build cross guest
	@scripts/fetch-guest.sh
	@scripts/web.sh --try
	@scripts/build.sh release twofold-command
	@scripts/build.sh aarch64

.PHONY: demo
demo:
	@scripts/demo.sh

.PHONY: test
test:
	@scripts/test.sh

.PHONY: fuzz
fuzz:
	@scripts/setup.sh build fuzz
	@scripts/build.sh fuzz
	@scripts/fuzz.sh $(or $(SECONDS),600) $(TARGET)

.PHONY: mutate
mutate:
	@scripts/setup.sh build
	@scripts/build.sh release twofold-mutate twofold
	@scripts/mutate.sh $(NAME)

.PHONY: bench
bench:
	@scripts/setup.sh build cross guest qemu
	@scripts/fetch-guest.sh
	@scripts/make-initrd.sh
	@scripts/build.sh release bench/all twofold-command
	@scripts/build.sh aarch64 bench/bare/all twofold-events twofold-hypervisor
	@scripts/bench.sh

.PHONY: kvm-hang
kvm-hang:
	@scripts/setup.sh build cross guest qemu
	@scripts/fetch-guest.sh
	@scripts/make-initrd.sh
	@scripts/build.sh release twofold-command
	@scripts/build.sh aarch64
	@scripts/make-initrd.sh host
	@scripts/kvm-hang.sh

.PHONY: lint
lint:
	@scripts/setup.sh build cross guest lint
	@scripts/fetch-guest.sh
	@scripts/lint.sh

.PHONY: format
format:
	@scripts/setup.sh format
	@scripts/lint.sh --format

.PHONY: coverage
coverage:
	@scripts/setup.sh build coverage
	@scripts/build.sh coverage
	@scripts/coverage.sh

.PHONY: clean distclean
clean:
	@for folder in release asan tsan coverage fuzz aarch64 aarch64-checked results mutate; do rm -rf "build/$$folder"; done
	@rm -f build/guest/workload build/guest/initrd.img build/guest/vmm build/guest/host.img build/web/made build/web/report*
distclean:
	@rm -rf build
