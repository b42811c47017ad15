#!/bin/sh
# Installs the Debian packages that the system tests need; does nothing where they are there.
set -eu

missing=
for tool in tmux valgrind; do # each is the name of its package too
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || {
    echo "pydotcompute: the system tests need$missing, and there is no apt-get to install that with:" \
        "use this machine's package manager." >&2
    exit 2
}

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
if [ -n "$as_root" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "pydotcompute: the system tests need$missing: run 'apt-get install$missing' as root." >&2
    exit 2
fi

$as_root apt-get update -qq
# shellcheck disable=SC2086 # one word a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
