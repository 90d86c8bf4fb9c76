# Sourced by ./run and ./test: sets PYTHON to an interpreter that can make .venv, or says what to install and stops.
# NAME is the script that sources it. Where uv is on PATH, an interpreter without ensurepip will do.

can_make_venv() {
    "$1" -c 'import sys
if sys.version_info < (3, 11): sys.exit(1)
import venv' >/dev/null 2>&1 || return 1
    command -v uv >/dev/null 2>&1 || "$1" -c 'import ensurepip' >/dev/null 2>&1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    incomplete=""
    if is_new_enough .venv/bin/python; then
        PYTHON=.venv/bin/python
        return 0
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        if can_make_venv "$candidate"; then
            PYTHON=$candidate
            return 0
        fi
        if [ -z "$incomplete" ] && is_new_enough "$candidate"; then
            incomplete=$candidate
        fi
    done
    if [ -n "$incomplete" ]; then
        echo "$NAME: $incomplete cannot make a virtual environment; install the package $incomplete-venv" \
            "(Debian, Ubuntu: apt-get install $incomplete-venv) and start again" >&2
    else
        echo "$NAME: needs Python 3.11 or newer; install the packages python3 and python3-venv" \
            "(Debian, Ubuntu: apt-get install python3 python3-venv) and start again" >&2
    fi
    return 1
}

find_python || exit 2
