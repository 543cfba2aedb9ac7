#!/usr/bin/env bash
# Gradient descent as a trial, in bash: train.sh LEARNING_RATE MOMENTUM
set -eu
x=10
speed=0
for step in $(seq 1 20); do
  read -r x speed loss < <(awk -v x="$x" -v v="$speed" -v rate="$1" -v momentum="$2" 'BEGIN {
    v = momentum * v - rate * 2 * (x - 3); x += v; print x, v, (x - 3) ^ 2 }')
  hypertune report step="$step" loss="$loss" || exit 0
done
hypertune report --result loss="$loss"
