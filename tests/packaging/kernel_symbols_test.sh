#!/usr/bin/env bash
# An inline function compiled for AVX-512 must not become the copy that the linker keeps for the
# whole program: the objects of the engine's kernels define no weak functions.
#
# Usage: kernel_symbols_test.sh NM LIBRARY
set -euo pipefail
nm=$1 library=$2

# A sanitizer leaves weak pointers (DW.ref), which are no functions.
"$nm" -C --defined-only "$library" | awk '
  /:$/ { object = /^kernels_(avx|amx)/ ? $0 : ""; if (object != "") ++objects }
  object != "" && $2 ~ /^[WVu]$/ && $3 !~ /^DW\.ref\./ { print object, $0; ++weak }
  END { print objects + 0, "objects,", weak + 0, "weak symbols"; exit weak > 0 || objects == 0 }'
