#!/bin/sh
# Runs a command where it is alone: a network of its own, with loopback only, and processes of its
# own, all of which end with it. Where the system does not allow that, exits with 77 and says so.
rooms="--net --pid --fork --mount-proc --kill-child"
if [ "$(id -u)" != 0 ]; then rooms="--map-root-user $rooms"; fi
# shellcheck disable=SC2086
if ! unshare $rooms true 2>/dev/null; then
  echo "skipped: unshare cannot make namespaces here"
  exit 77
fi
# The first process of the room stays a shell, which reaps what is left behind.
# shellcheck disable=SC2086
exec unshare $rooms sh -c '"$@"; exit $?' sh "$@"
