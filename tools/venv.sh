#!/bin/sh
# Makes the environment. Shell, not Python: the Python at hand may be too old to parse ours.
#
#   venv.sh version PYTHON                 prints the version (3.12), or nothing where there is none
#   venv.sh build PYTHON FOLDER [WHAT …]   makes FOLDER a virtual environment with the pinned set,
#                                          or with what pip is told by WHAT
#
# FOLDER/.built is written last and holds the Python version: without it nothing counts as built,
# so an install that was cut short is made anew from the start.
set -eu

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

refuse() {
    echo "make: $1" >&2
    exit 1
}

build() {
    python=$1 folder=$2
    shift 2
    [ $# -gt 0 ] || set -- -r requirements.txt -c constraints.txt -e .
    found=$(version "$python")
    case $found in
    3.11 | 3.12 | 3.13) ;;
    '') refuse "no Python answers to '$python': install Python 3.11, 3.12 or 3.13, or name one, as in: make PYTHON=python3.12 setup" ;;
    *) refuse "'$python' is Python $found, and this project needs 3.11, 3.12 or 3.13: name another, as in: make PYTHON=python3.12 setup" ;;
    esac
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        refuse "'$python' cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python$found-venv), or name another Python, as in: make PYTHON=python3.12 setup"

    built=$folder/.built
    if [ "$(cat "$built" 2>/dev/null)" = "$found" ]; then
        echo "Updating $folder (Python $found) to the pinned set."
        mv "$built" "$folder/.updating"
    else
        echo "Making $folder with Python $found: a few minutes, most of it downloads."
        "$python" -m venv --clear "$folder"
    fi
    if ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; then
        # pip leaves what was installed as it was, so an environment it could not update still
        # serves; its stamp keeps its old date, and the next make tries again.
        [ ! -e "$folder/.updating" ] || mv "$folder/.updating" "$built"
        refuse "pip could not install the pinned set into $folder; it says why above"
    fi
    rm -f "$folder/.updating"
    echo "$found" >"$built"
}

case ${1-} in
version) version "$2" ;;
build) shift && build "$@" ;;
*) refuse "usage: venv.sh version PYTHON | build PYTHON FOLDER [WHAT …]" ;;
esac
