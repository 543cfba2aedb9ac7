#!/usr/bin/env bash
# Formats every C++ file in place; with --check, lists what is not formatted and fails.
#
# Versions of clang-format differ in their taste: version 14 (Debian 12) decides. Exit status 77
# means that it is not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

formatter=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $formatter ]] || ! "$formatter" --version | grep -q 'version 14\.'; then
  echo "format: clang-format 14 is not installed; scripts/setup.sh test installs it" >&2
  exit 77
fi

arguments=(-i)
if [[ ${1:-} == --check ]]; then arguments=(--dry-run -Werror); fi
find include src tests examples bench \( -name '*.h' -o -name '*.cpp' \) -print0 |
  xargs -0 -r "$formatter" "${arguments[@]}"
