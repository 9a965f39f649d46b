#!/usr/bin/env bash
# Runs the end-to-end tests against a MySQL server, which `make test` cannot: Debian's and Ubuntu's MySQL and MariaDB do
# not go together on one machine. It needs the server program only, of 8.0 or newer, unpacked or installed anywhere; it
# is given data directories of its own.
#
#   scripts/test-mysql.sh PATH         PATH is a mysqld; or WEIR_MYSQLD names it
#   scripts/test-mysql.sh PATH -v ...  the rest goes to go test
set -euo pipefail
cd "$(dirname "$0")/.."

die() { printf 'test-mysql: %s\n' "$*" >&2; exit 1; }

mysqld=${1:-${WEIR_MYSQLD:-}}
[ "$#" = 0 ] || shift
[ -n "$mysqld" ] || die "name a mysqld: scripts/test-mysql.sh PATH"
WEIR_MYSQLD=$(realpath -e -- "$mysqld") || die "$mysqld is not there"
version=$("$WEIR_MYSQLD" --no-defaults --version) || die "$WEIR_MYSQLD does not run"
case "$version" in *MariaDB*) die "$WEIR_MYSQLD is MariaDB's; make test runs with that" ;; esac
printf 'test-mysql: %s\n' "$version" >&2
export WEIR_MYSQLD
go vet -tags mysqld ./test/e2e
exec go test -tags mysqld -count=1 -timeout 20m -run MySQL ./test/e2e "$@"
