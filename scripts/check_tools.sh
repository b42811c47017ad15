#!/bin/sh
# Says in one sentence what this machine lacks, why it is needed and how to get it; exit status 2.
# Usage: check_tools.sh [rust] [python]. PYTHON names the interpreter, python3 where unset.
set -eu

missing() {
    printf 'pydotcompute: %s\n' "$*" >&2
    exit 2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

first_line() {
    printf '%s\n' "$1" | {
        read -r line
        printf %s "$line"
    }
}

check_rust() {
    has cargo || missing "cargo is missing, and it compiles the Rust core: install Rust from" \
        "https://rustup.rs and open a new shell."
    version=$(cargo --version 2>&1) ||
        missing "cargo does not start here ($(first_line "$version")), and it compiles the Rust core: get" \
            "the version that rust-toolchain.toml names with 'rustup toolchain install'."
    case $version in
    "cargo 1."*) ;;
    *) return 0 ;;
    esac
    minor=${version#cargo 1.}
    minor=${minor%%.*}
    [ "$minor" -ge 95 ] || missing "$version is too old, the Rust core needs 1.95: install a newer" \
        "Rust from https://rustup.rs."
    has cc || missing "a C compiler (cc) is missing, and Rust links with it: install one, on Debian" \
        "or Ubuntu with 'sudo apt-get install build-essential'."
}

check_python() {
    python=${PYTHON:-python3}
    has "$python" || missing "$python is missing, and the package runs on it: install Python 3.11 or" \
        "newer, or name an interpreter with 'make PYTHON=/path/to/python3 ...'."
    version=$("$python" -c 'import platform; print(platform.python_version())' 2>&1) ||
        missing "$python does not start ($(first_line "$version")), and the package runs on it: name" \
            "another interpreter with 'make PYTHON=/path/to/python3 ...'."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        missing "$python is Python $version, the package needs 3.11 or newer: name another" \
            "interpreter with 'make PYTHON=/path/to/python3 ...'."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        missing "$python cannot make a virtual environment, and make builds into one: install its venv" \
            "module, on Debian or Ubuntu with 'sudo apt-get install python3-venv'."
}

for tool in "$@"; do
    "check_$tool"
done
