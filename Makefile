# What a developer or a new user does with Posthouse. `make help` lists it.

CARGO_FLAGS ?= --locked
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
DESTDIR ?=

# rustup puts cargo here, and a shell that was open before does not know it.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run build test crash fuzz bench-scale install

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, and run a demo domain on this machine
	target/release/posthouse demo

build: ## build the release binary; installs compiler and Rust if they are missing (Debian)
	@scripts/build-deps
	cargo build $(CARGO_FLAGS) --release -p posthouse

test: ## everything that must hold before a merge; installs the tests' programs if missing (Debian)
	@scripts/test-deps
	@CARGO_FLAGS="$(CARGO_FLAGS)" scripts/test

crash: ## kill the server 200 times under load, and count what it had acknowledged
	POSTHOUSE_KILLS=200 cargo test $(CARGO_FLAGS) --release -p posthouse --test it crash

fuzz: ## fuzz every parser for FUZZ_SECONDS (60) each; needs rustup
	@scripts/fuzz $(FUZZ_SECONDS)

bench-scale: build ## how a mailbox fares up to a million messages, and zones and folders up to a million entries
	cargo run $(CARGO_FLAGS) --release -p posthouse --example bench_scale
	cargo run $(CARGO_FLAGS) --release -p posthouse --example bench_names
	cargo run $(CARGO_FLAGS) --release -p posthouse --example bench_files

install: ## install the built binary and the systemd unit, under DESTDIR and PREFIX (/usr/local)
	@test -x target/release/posthouse || { echo "run 'make build' first" >&2; exit 1; }
	install -D -m 755 target/release/posthouse $(DESTDIR)$(PREFIX)/bin/posthouse
	install -D -m 644 packaging/posthouse.service $(DESTDIR)/etc/systemd/system/posthouse.service
	sed -i 's|/usr/local/bin|$(PREFIX)/bin|' $(DESTDIR)/etc/systemd/system/posthouse.service
	install -D -m 644 packaging/posthouse.sysusers $(DESTDIR)/usr/lib/sysusers.d/posthouse.conf
	@if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then systemd-sysusers posthouse.conf && systemctl daemon-reload; fi
	@echo "Write /etc/posthouse.toml, then: systemctl enable --now posthouse"
