#!/bin/sh
# Resolves the package lists beside this file against a Debian mirror and writes the lock
# file: resolve.sh [--unpinned] OUT [MIRROR]. Nothing of the host's package state is used
# or changed. --unpinned marks the file: the packages are not those that were tested.
#
# apt works in a world of its own, with its own sources and an (almost) empty status file,
# so the answer depends on the mirror alone. Release signatures are checked by apt.
set -eu
umask 022

unpinned=
if [ "${1:-}" = --unpinned ]; then
    unpinned='  "unpinned": true,
'
    shift
fi
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: ${0##*/} [--unpinned] OUT [MIRROR]" >&2
    exit 2
fi
out=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Without a mirror given, the one this host itself uses: it is known to be reachable.
mirror=${2:-}
if [ -z "$mirror" ]; then
    # shellcheck disable=SC2016 # $(...) is apt's format, not the shell's
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(SITE)' |
        sed -n 's/^Debian Debian //p' | sort -u | head -n 1)
fi
if [ -z "$mirror" ]; then
    echo "${0##*/}: no Debian mirror among this host's apt sources: name one" >&2
    exit 1
fi
mirror=${mirror%/}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/$1"; }

world() {
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/none"
    cat >"$work/apt.conf" <<CONF
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/none";
Dir::Etc::preferences "$work/none/preferences";
Dir::Etc::preferencesparts "$work/none";
Dir::Etc::trusted "$keyring";
Dir::Etc::trustedparts "$work/none";
APT::Sandbox::User "root";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
CONF
    # The point release alone: its pool stays on the mirrors, and the snapshot address
    # below covers it. Updates reach us with the next point release.
    sources "$suite main"
    : >"$work/status"
}

# sources "SUITE COMPONENT..." ...: where packages come from, from here on.
sources() {
    for source in "$@"; do
        echo "deb [signed-by=$keyring] $mirror $source"
    done >"$work/sources.list"
    # Plain update calls an unreachable mirror a warning.
    apt-get -qq --error-on=any update
}

# Packages that we do without, from standard input: a name, and a version where one is asked
# for by it. Version 999:1 satisfies any other dependency.
absent() {
    while read -r name version; do
        provides=
        case $name in
        debconf) provides='debconf-2.0' ;;
        initramfs-tools) provides='linux-initramfs-tool' ;;
        esac
        multi=foreign
        [ "$name" = python3 ] && multi=allowed
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\nMulti-Arch: %s\nMaintainer: nobody\nDescription: absent\n' \
            "$name" "${version:-999:1}" "$multi"
        if [ -n "$provides" ]; then printf 'Provides: %s\n' "$provides"; fi
        echo
    done
}

# Without ForceHash apt prints the weakest digest of the index, which is MD5.
ask() { apt-get -o Acquire::ForceHash=SHA256 -qq --print-uris "$@"; }

# One package a line, sorted by path, so that two runs on one archive differ in nothing.
entries() {
    LC_ALL=C sort -u | while read -r uri file size digest; do
        uri=${uri#\'} uri=${uri%\'}
        case $uri in
        "$mirror"/pool/*.deb) ;;
        *)
            echo "${0##*/}: not in the pool: $uri" >&2
            exit 1
            ;;
        esac
        case $digest in
        SHA256:????????????????????????????????????????????????????????????????) ;;
        *)
            echo "${0##*/}: no SHA-256 for $file" >&2
            exit 1
            ;;
        esac
        version=${file#*_} version=${version%_*}
        version=$(printf %s "$version" | sed -e 's/%3a/:/g' -e 's/%7e/~/g')
        path=$(printf %s "${uri#"$mirror"/}" | sed -e 's/%2b/+/g' -e 's/%7e/~/g' -e 's/%3a/:/g')
        printf '%s      {"name": "%s", "version": "%s", "size": %s,\n       "sha256": "%s",\n       "path": "%s"}' \
            "$sep" "${file%%_*}" "$version" "$size" "${digest#SHA256:}" "$path"
        sep=',
'
    done
    echo
}
sep=

export APT_CONFIG="$work/apt.conf"
world

release=$(cat "$work"/state/lists/*_dists_"$suite"_InRelease)
version=$(printf '%s\n' "$release" | sed -n 's/^Version: //p' | head -n 1)
date=$(printf '%s\n' "$release" | sed -n 's/^Date: //p' | head -n 1)

# An archive snapshot is taken several times a day, and any time given to the snapshot
# service means the last one before it. A day after the release is surely not too early.
snapshot=$(date -u -d "$date + 1 day" +%Y%m%dT%H%M%SZ)

# Command substitution, because a failure within a pipe would go unseen.
base() {
    list base.absent | absent >"$work/status"
    # shellcheck disable=SC2046 # words are wanted
    ask install $(list base.list)
    # shellcheck disable=SC2046
    ask download $(list base-alone.list)
}
tools() {
    : >"$work/status"
    # shellcheck disable=SC2046
    ask install $(list tools.list)
}
# shellcheck disable=SC2046
firmware() { ask download $(list firmware.list); }
# shellcheck disable=SC2046
boot() { ask download $(list boot.list); }
oracle() {
    list oracle.absent | absent >"$work/status"
    sources "$suite main contrib non-free" "experimental main"
    # shellcheck disable=SC2046
    ask install $(list oracle.list)
    # shellcheck disable=SC2046
    ask download $(list oracle-alone.list)
}
# Headers of another kernel would make modules that this one refuses. The lock file that is
# being written says which it is.
zfs() {
    kernel=$(sed -n 's/.*"linux-image-\([0-9][^"]*\)", "version": "\([^"]*\)".*/\1=\2/p' "$work/lock.json" | head -n 1)
    # They depend on the kernel itself.
    { list zfs.absent; echo "linux-image-${kernel%=*} ${kernel#*=}"; } | absent >"$work/status"
    sources "$suite main contrib"
    # shellcheck disable=SC2046
    ask install $(list zfs.list) "linux-headers-$kernel"
    # shellcheck disable=SC2046
    ask download $(list zfs-alone.list)
}

{
    printf '{\n  "suite": "%s",\n  "release": "%s",\n  "date": %s,\n  "snapshot": "%s",\n%s  "sets": {\n' \
        "$suite" "$version" "$(date -u -d "$date" +%s)" "$snapshot" "$unpinned"
    first=y
    for set in base tools firmware boot oracle zfs; do
        [ "$first" ] || printf ',\n'
        first=
        uris=$($set)
        [ -n "$uris" ] || {
            echo "${0##*/}: nothing resolved for $set" >&2
            exit 1
        }
        printf '    "%s": [\n' "$set"
        # entries ends in a subshell of its own; its status must not be lost
        text=$(printf '%s\n' "$uris" | entries)
        printf '%s\n    ]' "$text"
    done
    printf '\n  }\n}\n'
} >"$work/lock.json"

mv "$work/lock.json" "$out"
