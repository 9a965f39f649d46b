#!/usr/bin/env bash
# Follows a private MariaDB into ./demo-out for about a minute. Installs MariaDB where it is missing; builds weir.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh mariadb
make --no-print-directory build
go build -o bin/demo ./scripts/demo
exec bin/demo "$@"
