#!/bin/sh
# Installs the Debian packages that the tests in a real terminal need; does nothing where they are there.
set -eu

command -v tmux >/dev/null 2>&1 && exit 0

command -v apt-get >/dev/null 2>&1 || {
    echo "pydotcompute: tmux is missing, the system tests drive a terminal with it, and there is no" \
        "apt-get to install it with: install tmux with this machine's package manager." >&2
    exit 2
}

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
if [ -n "$as_root" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "pydotcompute: tmux is missing and installing it needs root: run 'apt-get install tmux' as root." >&2
    exit 2
fi

$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tmux
