#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs, when they are missing.
#
# Usage: scripts/setup.sh GROUP...    with groups: build study test lint bench
# Where nothing is missing it changes nothing and needs no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

groups="build, study, test, lint, bench"
declare -A packages=(
  [build]="g++ cmake ninja-build ccache pkg-config libsqlite3-dev nlohmann-json3-dev libcli11-dev
    libtomlplusplus-dev libfmt-dev libarchive-dev libcurl4-openssl-dev zlib1g-dev libssl-dev
    libboost-dev libpq-dev libcpp-httplib-dev"
  [study]="gnuplot-nox fonts-dejavu-core dataset-fashion-mnist ca-certificates"
  [test]="libtorch-dev libgtest-dev libgmock-dev librapidcheck-dev python3 python3-venv
    python3-jsonschema python3-optuna clang-format mandoc sqlite3
    slurm-wlm slurm-client slurm-wlm-basic-plugins munge postgresql"
  [lint]="clang-tidy"
  [bench]="libtorch-dev libopenblas0-pthread python3-torch"
)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

# Prints those of its arguments that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  local package
  for package in "$@"; do
    grep -qx -- "$package installed" <<<"$installed" || printf '%s\n' "$package"
  done
}

# Runs apt-get as root, waiting for another package manager to finish first.
apt() {
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 "$@"
}

install_packages() {
  local by_hand="apt-get install --no-install-recommends $*"
  if ! command -v apt-get >/dev/null; then
    fail "apt-get is not here to install what is missing: $*" \
      "Install these (or what your system calls them) by hand, then run make with SETUP=no."
  fi
  if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
    fail "missing packages: $*" \
      "Installing needs root, and there is no sudo. As root, run: $by_hand"
  fi
  say "installing $*"
  local attempt
  for attempt in 1 2; do
    if apt update && apt install --no-install-recommends "$@"; then return; fi
    if ((attempt == 1)); then say "apt-get failed; trying once more"; fi
  done
  fail "apt-get could not install: $*" \
    "Check the network and the package sources, then run: $by_hand"
}

# The tests start servers of their own: the package must not make and start one for the system.
# Settings that are there already are left alone.
keep_postgresql_from_starting() {
  local file=/etc/postgresql-common/createcluster.conf
  if [[ " $* " != *" postgresql "* || -e $file ]]; then return; fi
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
  "${as_root[@]}" mkdir -p "${file%/*}"
  "${as_root[@]}" tee "$file" >/dev/null <<<"create_main_cluster = false"
}

# A virtual environment with a package for tests; without it those tests are skipped.
# Usage: make_environment FOLDER MODULE WHAT-PIP-INSTALLS
make_environment() {
  if compgen -G "$1/lib/python*/site-packages/$2/__init__.py" >/dev/null; then return; fi
  local python=/usr/bin/python3
  if [[ ! -x $python ]]; then python=python3; fi
  say "installing a current $3 into $1"
  if ! { "$python" -m venv "$1" &&
    "$1/bin/pip" install --quiet --disable-pip-version-check --timeout 15 --retries 1 "$3"; }
  then
    say "warning: $3 could not be installed; tests that need it are skipped" >&2
  fi
}

if (($# == 0)); then fail "usage: scripts/setup.sh GROUP..., with groups: $groups"; fi
wanted=()
for group in "$@"; do
  if [[ -z ${packages[$group]:-} ]]; then
    fail "unknown group \"$group\"; known groups: $groups"
  fi
  read -r -d '' -a names <<<"${packages[$group]}" || true
  wanted+=("${names[@]}")
done

# Node and Chromium also come from elsewhere, in packages that conflict with Debian's: where the
# commands are there, they will do.
for group in "$@"; do
  if [[ $group != test ]]; then continue; fi
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then wanted+=(nodejs npm); fi
  if ! command -v chromium >/dev/null; then wanted+=(chromium); fi
done

if command -v dpkg-query >/dev/null; then
  mapfile -t missing < <(missing_packages "${wanted[@]}")
else
  missing=("${wanted[@]}")
fi
if ((${#missing[@]} > 0)); then
  keep_postgresql_from_starting "${missing[@]}"
  install_packages "${missing[@]}"
fi
for group in "$@"; do
  if [[ $group == test ]]; then
    make_environment .venv optuna optuna
    make_environment .venv psycopg2 psycopg2-binary
    make_environment .venv optuna_dashboard optuna-dashboard
    make_environment .venv-ray ray 'ray[default]'
  fi
done
