#!/usr/bin/env bash
# Works on a study from bash: asks for trials, reports their steps, tells their results.
set -euo pipefail
study=${1:?name a study file}

loss_at() {  # step
  awk -v x="${params[x]}" -v rate="${params[rate]}" -v kind="${params[kind]}" -v step="$1" 'BEGIN {
    print (kind == "steep" ? 2 : 1) * (x - 2)^2 + exp(-rate * step)
  }'
}

evaluate() {
  for step in 1 2 3; do
    answer=$(hypertune tell "$study" "$trial" --lease "$lease" --step "$step" "loss=$(loss_at "$step")")
    [[ $answer == continue ]] || return 0  # it was stopped: nothing more is told
  done
  hypertune tell "$study" "$trial" --lease "$lease" "loss=$(loss_at 3)"
}

while asked=$(hypertune ask "$study"); do
  declare -A params=()
  while read -r key first rest; do
    case $key in
      trial) trial=$first ;;
      lease) lease=$first ;;
      param) params[$first]=$rest ;;
    esac
  done <<< "$asked"
  evaluate
done
