#!/bin/sh
# What runs first in the container, and what the container runs: one word, `serve` by default.
# Everything is read from the environment. `exec`, so that the server is process 1 and signals reach it.
set -eu

here=$(dirname "$0")
word=${1:-serve}
case $word in
  prepare | serve | count | repair | rescue)
    [ $# -eq 0 ] || shift
    exec python "$here/$word.py" "$@"
    ;;
  *)
    echo "startup.sh: unknown word '$word'; there are: prepare, serve, count, repair, rescue" >&2
    exit 64
    ;;
esac
