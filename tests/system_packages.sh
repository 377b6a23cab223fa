#!/bin/sh
# What the tests need of the operating system: a browser for the pages. Installed where that is
# allowed (root, apt); elsewhere the browser tests say loudly that they are skipped.
set -eu
if command -v chromium >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core >/dev/null
else
  echo "no chromium: the browser tests will be skipped; install it to run them" >&2
fi
