#!/bin/sh
# What runs first in the container, and what the container runs: one word, `prepare` or `serve` (default).
# Everything is read from the environment. `exec`, so that the server is process 1 and signals reach it.
set -eu

here=$(dirname "$0")
word=${1:-serve}
case $word in
  prepare | serve) exec python "$here/$word.py" ;;
  *)
    echo "startup.sh: unknown word '$word'; there are: prepare, serve" >&2
    exit 64
    ;;
esac
