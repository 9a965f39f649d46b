#!/usr/bin/env bash
# Installs what the tests and the demo need and this machine lacks, by apt, on Debian and Ubuntu: MariaDB's server and
# client, protoc, iproute2, and a C compiler for the race detector. It may run again and again. It starts no system
# service, and leaves none enabled that was not there before.
#
#   scripts/install-deps.sh            everything
#   scripts/install-deps.sh mariadb    only what the demo needs
set -euo pipefail

say() { printf 'install-deps: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Debian keeps servers in /usr/sbin, which is not on every user's path.
PATH=$PATH:/usr/sbin:/sbin
has() { command -v "$1" >/dev/null 2>&1; }

missing_packages() {
  { has mariadbd && has mariadb-install-db; } || echo mariadb-server
  { has mariadb && has mariadb-binlog; } || echo mariadb-client
  [ "${1:-all}" = mariadb ] && return
  has protoc || echo protobuf-compiler
  { has ip && has tc; } || echo iproute2
  has gcc || has clang || { echo gcc; echo libc6-dev; }
}

check_go() {
  has go || die "go is not on the path; install Go 1.26 or newer from https://go.dev/dl/ and run this again"
}

is_debian_like() {
  [ -r /etc/os-release ] || return 1
  (. /etc/os-release; case " ${ID:-} ${ID_LIKE:-} " in *" debian "*|*" ubuntu "*) true ;; *) false ;; esac)
}

become_root() {
  if [ "$(id -u)" = 0 ]; then as_root=()
  elif has sudo; then as_root=(sudo)
  else die "needs root to install: $*; run as root, or install sudo, or install these packages by hand"
  fi
}

# A policy-rc.d that answers 101 is Debian's own way to say that a package's installation must start no service.
policy=/usr/sbin/policy-rc.d
forbid_services() {
  [ -e "$policy" ] && return
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
}

# The installation would otherwise start the server at the machine's next boot.
disable_service() {
  if has systemctl && [ -d /run/systemd/system ]; then
    "${as_root[@]}" systemctl disable mariadb.service >/dev/null 2>&1 || true
  fi
}

install() {
  is_debian_like || die "this machine is neither Debian nor Ubuntu; install these yourself, then run this again: $*"
  has apt-get || die "apt-get is missing; install these yourself, then run this again: $*"
  case " $* " in
    *" mariadb-server "*)
      ! has mysqld || has mariadbd ||
        die "another MySQL server is installed, which apt would remove for MariaDB; put mariadbd on the path yourself"
      ;;
  esac
  become_root "$*"
  say "installing: $*"
  forbid_services
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" ||
    die "apt-get could not install: $*; on Ubuntu they are in the component universe: sudo add-apt-repository universe"
  case " $* " in *" mariadb-server "*) disable_service ;; esac
}

[ "${1:-all}" = mariadb ] || [ "${1:-all}" = all ] || die "unknown set $1; one of: all, mariadb"
check_go
mapfile -t packages < <(missing_packages "${1:-all}")
[ "${#packages[@]}" = 0 ] && exit 0
install "${packages[@]}"
mapfile -t packages < <(missing_packages "${1:-all}")
[ "${#packages[@]}" = 0 ] || die "still missing after the installation: ${packages[*]}"
