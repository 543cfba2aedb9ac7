#!/usr/bin/env bash
# Runs clang-tidy over the sources of the build folder given (default: build).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${1:-build}
if [[ ! -f $build/compile_commands.json ]]; then
  echo "lint: $build/compile_commands.json is missing; run make build first" >&2
  exit 1
fi
# clang 14 cannot parse LibTorch's headers as C++20, and does not know every warning of g++.
find src -name '*.cpp' ! -path 'src/train/torch/*' -print0 |
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p "$build"
