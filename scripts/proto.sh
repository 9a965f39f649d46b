#!/usr/bin/env bash
# Generates the Go code of messages/*.proto with the protoc on the path and the protoc-gen-go that go.mod names.
#
#   scripts/proto.sh DIR       writes the generated files into DIR
#   scripts/proto.sh --check   compares them with the committed ones; protoc's own version does not count
set -euo pipefail
cd "$(dirname "$0")/.."

command -v protoc >/dev/null || { echo "proto: protoc is missing; run: make deps" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

generate() {
  go build -o "$work/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
  protoc --plugin=protoc-gen-go="$work/protoc-gen-go" -I messages --go_out="$1" --go_opt=paths=source_relative messages/*.proto
}

without_protoc_version() { sed -E 's#^(//\s+protoc\s+)v.*#\1any#' "$1"; }

check() {
  local stale=0 made kept
  mkdir "$work/fresh"
  generate "$work/fresh"
  for made in "$work"/fresh/*.pb.go; do
    kept=messages/$(basename "$made")
    if ! diff -q <(without_protoc_version "$made") <(without_protoc_version "$kept" 2>/dev/null) >/dev/null; then
      echo "proto: $kept is not what its .proto makes; run: make proto" >&2
      stale=1
    fi
  done
  for kept in messages/*.pb.go; do
    [ -e "$work/fresh/$(basename "$kept")" ] || { echo "proto: $kept has no .proto; remove it" >&2; stale=1; }
  done
  return "$stale"
}

case "${1:-}" in
  --check) check ;;
  "") echo "usage: scripts/proto.sh DIR | --check" >&2; exit 2 ;;
  *) generate "$1" ;;
esac
