#!/usr/bin/env bash
# Installs a build into a folder, moves the folder, and uses it from there as a stranger would.
#
# Usage: install_test.sh BUILD_DIR SOURCE_DIR SCRATCH_DIR COMPILER [COMPILER_FLAGS]
set -euo pipefail
build=$1 source=$2 scratch=$3 compiler=$4 flags=${5:-}

fail() { echo "install_test: $*" >&2; exit 1; }
step() { echo "== $*"; }

rm -rf "$scratch"
mkdir -p "$scratch"

step "install, then move the whole tree"
cmake --install "$build" --prefix "$scratch/first place" >"$scratch/install.log"
mv "$scratch/first place" "$scratch/prefix"
prefix=$scratch/prefix
libdir=$(dirname "$(find "$prefix" -name libhypertune.so)")
unset LD_LIBRARY_PATH

step "everything is there"
for file in bin/hypertune include/hypertune/hypertune.h share/man/man1/hypertune.1 \
  share/bash-completion/completions/hypertune share/zsh/site-functions/_hypertune \
  share/fish/vendor_completions.d/hypertune.fish share/doc/hypertune/LICENSE \
  share/hypertune/experiments/batchnorm_vs_learning_rate.toml; do
  [[ -s $prefix/$file ]] || fail "$file is missing"
done

step "only what is public"
diff <(cd "$source/include/hypertune" && ls) <(cd "$prefix/include/hypertune" && ls)
[[ -z $(find "$prefix" -name '*.a') ]] || fail "a static library of a module was installed"

step "nothing in it knows where it was built"
if grep -rIl -e "$build" -e "$source/" -e 'first place' "$prefix"; then
  fail "these files name folders of the build"
fi
for binary in "$prefix/bin/hypertune" "$libdir"/*.so; do
  if readelf -d "$binary" | grep -E 'R(UN)?PATH' | grep -F -e "$build" -e "$source/"; then
    fail "$binary looks for libraries in the build folder"
  fi
done

step "the program runs"
"$prefix/bin/hypertune" --version
"$prefix/bin/hypertune" check --no-probe \
  "$prefix/share/hypertune/experiments/batchnorm_vs_learning_rate.toml" >/dev/null

step "nothing but its backend needs LibTorch"
for binary in "$prefix/bin/hypertune" "$libdir"/*.so; do
  if ldd "$binary" | grep -E 'lib(torch|c10)'; then fail "$binary links LibTorch"; fi
done
# check BACKEND: plans a small study and trains an epoch of it.
check() {
  HYPERTUNE_OFFLINE=1 "$prefix/bin/hypertune" check \
    "$prefix/share/hypertune/experiments/batchnorm_vs_learning_rate.toml" \
    --set "trainer.backend=$1" --set trainer.dataset=fashion-mnist --set trainer.max_samples=200 2>&1
}
check native >"$scratch/check.log" || { cat "$scratch/check.log"; fail "the native backend"; }
backend=$libdir/hypertune/hypertune_torch.so
if [[ -e $backend ]]; then
  check torch >"$scratch/check.log" || { cat "$scratch/check.log"; fail "the LibTorch backend"; }
  mv "$backend" "$backend.away"
fi
if check torch >"$scratch/check.log"; then fail "a missing backend goes unnoticed"; fi
grep -q "backend is not here.*hypertune_torch.so.*libtorch-dev" "$scratch/check.log" ||
  { cat "$scratch/check.log"; fail "a missing backend is not explained"; }
if [[ -e $backend.away ]]; then mv "$backend.away" "$backend"; fi

step "find_package"
cmake -S "$source/examples/consumer" -B "$scratch/consumer" -G Ninja \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" \
  -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/configure.log"
cmake --build "$scratch/consumer" >"$scratch/build.log" || { cat "$scratch/build.log"; exit 1; }
(cd "$scratch" && consumer/consumer | tee consumer.log)
grep -qx 'complete: 1' "$scratch/consumer.log" || fail "the consumer ran no trial"

step "a component that does not exist is refused by name"
mkdir -p "$scratch/wrong"
cat >"$scratch/wrong/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(wrong LANGUAGES CXX)
find_package(hypertune REQUIRED COMPONENTS nonsense)
CMAKE
if cmake -S "$scratch/wrong" -B "$scratch/wrong/build" -G Ninja \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/wrong.log" 2>&1; then
  fail "find_package accepted a component that does not exist"
fi
grep -q 'without its component nonsense' "$scratch/wrong.log" || fail "the reason is not given"

step "pkg-config"
export PKG_CONFIG_PATH=$libdir/pkgconfig
# pkg-config quotes for a shell: folders may have blanks in their names.
eval "cflags=($(pkg-config --cflags hypertune-trainer))"
eval "libs=($(pkg-config --libs hypertune-trainer))"
read -r -a extra <<<"$flags"
"$compiler" -std=c++20 -Wall -Wextra -Werror "${extra[@]}" "${cflags[@]}" \
  "$source/examples/consumer/main.cpp" "${libs[@]}" \
  "-Wl,-rpath,$libdir" -o "$scratch/by_pkg_config"
(cd "$scratch" && ./by_pkg_config | grep -qx 'complete: 1')

step "each public header compiles on its own"
for header in "$prefix"/include/hypertune/*.h; do
  echo "#include <hypertune/$(basename "$header")>"
done >"$scratch/headers"
while read -r line; do
  "$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only "${cflags[@]}" -x c++ - <<<"$line"
done <"$scratch/headers"

rm -rf "$scratch"
