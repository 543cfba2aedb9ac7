#!/usr/bin/env bash
# Runs scripts/setup.sh against stand-ins for the package manager and checks what it asks of it.
#
# Usage: setup_test.sh SOURCE_DIR SCRATCH_DIR
set -euo pipefail
source=$1 scratch=$2

fail() { echo "setup_test: $*" >&2; exit 1; }

rm -rf "$scratch"
mkdir -p "$scratch/bin"
for tool in bash env dirname grep cat; do ln -s "$(command -v $tool)" "$scratch/bin/$tool"; done

# stand_in NAME: puts the script on standard input in place of the command.
stand_in() { cat >"$scratch/bin/$1"; chmod +x "$scratch/bin/$1"; }
# setup ARGUMENTS...: runs the script with the stand-ins alone; sets `status` and `output`.
setup() {
  : >"$scratch/calls"
  status=0
  output=$(PATH=$scratch/bin CALLS=$scratch/calls "$source/scripts/setup.sh" "$@" 2>&1) || status=$?
}
installed_all_but() {
  stand_in dpkg-query <<SCRIPT
#!/usr/bin/env bash
for package in "\${@:4}"; do
  if [[ \$package != "$1" ]]; then echo "\$package installed"; fi
done
SCRIPT
}
apt_that() {
  stand_in apt-get <<SCRIPT
#!/usr/bin/env bash
echo "apt-get \$*" >>"\$CALLS"
$1
SCRIPT
}
user() { stand_in id <<<"#!/usr/bin/env bash
echo $1"; }

user 0
apt_that 'exit 0'
installed_all_but nothing
setup build study
[[ $status == 0 && -z $output && ! -s $scratch/calls ]] || fail "it acts where nothing is missing"

installed_all_but libfmt-dev
setup build
[[ $status == 0 ]] || fail "installing fails: $output"
[[ $output == *"installing libfmt-dev"* ]] || fail "it does not say what it installs"
grep -q 'update$' "$scratch/calls" || fail "it does not update the package lists first"
grep -q 'install --no-install-recommends libfmt-dev$' "$scratch/calls" || fail "wrong packages"

installed_all_but nodejs
setup build study
[[ $status == 0 && -z $output ]] || fail "the program asks for Node: $output"
setup test
[[ $output == *"installing nodejs"* ]] || fail "the tests do not ask for Node: $output"
for tool in node npm chromium; do stand_in $tool <<<'#!/usr/bin/env bash'; done
setup test
[[ $output != *installing\ node* ]] || fail "Debian's Node is installed beside another: $output"
installed_all_but chromium
setup test
[[ $output != *installing\ chromium* ]] || fail "Chromium is installed beside another: $output"
rm "$scratch/bin/chromium"
setup test
[[ $output == *"installing chromium"* ]] || fail "the tests do not ask for Chromium: $output"

installed_all_but libtorch-dev
setup build study
[[ $status == 0 && -z $output ]] || fail "a study asks for LibTorch: $output"
setup build study test
[[ $output == *"installing libtorch-dev"* ]] || fail "the tests do not ask for LibTorch: $output"

installed_all_but libfmt-dev
apt_that 'exit 100'
setup build
[[ $status == 1 ]] || fail "a failure of apt-get goes unnoticed"
[[ $(wc -l <"$scratch/calls") == 2 ]] || fail "it does not try exactly twice"
[[ $output == *"could not install: libfmt-dev"*"then run: apt-get install"* ]] ||
  fail "no help after a failure: $output"

user 1000
setup build
[[ $status == 1 && $output == *"missing packages: libfmt-dev"*"no sudo"* && ! -s $scratch/calls ]] ||
  fail "without root and sudo: $output"

apt_that 'exit 0'
stand_in sudo <<<'#!/usr/bin/env bash
echo "sudo" >>"$CALLS"; exec "$@"'
setup build
[[ $status == 0 ]] && grep -qx sudo "$scratch/calls" || fail "sudo is not used when not root"

user 0
rm "$scratch/bin/apt-get" "$scratch/bin/dpkg-query"
setup study
[[ $status == 1 && $output == *"apt-get is not here"*gnuplot-nox*"SETUP=no"* ]] ||
  fail "on a system without apt: $output"

setup biuld
[[ $status == 1 && $output == *'unknown group "biuld"; known groups:'* ]] || fail "unknown group"
setup
[[ $status == 1 && $output == *usage:* ]] || fail "no arguments"

rm -rf "$scratch"
