#!/bin/bash
# Unpacks $debs into $out/root and writes one starter per word of $starters into $out/bin:
# the name to start it by, or name=program; `*` stands for every program there is.
set -euo pipefail
umask 022
: "${debs:?}" "${starters:?}" "${out:?}"

mkdir -p "$out/root" "$out/bin"
for deb in $debs; do
    # dpkg-deb -x would set the modes of the archive, which a build sandbox forbids when
    # they hold a setuid bit; tar leaves them to the umask when told so.
    dpkg-deb --fsys-tarfile "$deb" |
        tar -x -C "$out/root" --no-same-permissions --no-same-owner \
            --exclude=./usr/share/man --exclude=./usr/share/info \
            --exclude=./usr/share/locale --exclude='./usr/share/doc/*/*.gz' \
            --exclude=./usr/lib/x86_64-linux-gnu/gconv
done

loader=$out/root/usr/lib64/ld-linux-x86-64.so.2
libraries=$out/root/usr/lib/x86_64-linux-gnu

# starter NAME PROGRAM: several of them look at the name they are started by.
starter() {
    path=$out/root/usr/bin/$2
    [ -x "$path" ] || path=$out/root/usr/sbin/$2
    [ -x "$path" ] || {
        echo "${0##*/}: no $2 among the pinned packages" >&2
        exit 1
    }
    cat >"$out/bin/$1" <<EOF
#!$BASH
exec $loader --inhibit-cache --argv0 $1 --library-path $libraries $path "\$@"
EOF
    chmod 755 "$out/bin/$1"
}

# Names of all that is a program and not a script, which would look for its interpreter.
programs() {
    for path in "$out"/root/usr/bin/* "$out"/root/usr/sbin/*; do
        # Links of alternatives lead out of the root, to nothing.
        if [ -f "$path" ] && [ "$(head -c 4 "$path" | tail -c 3)" = ELF ]; then
            basename "$path"
        fi
    done
}

read -ra words <<<"$starters"
for word in "${words[@]}"; do
    if [ "$word" = '*' ]; then
        for name in $(programs); do starter "$name" "$name"; done
    else
        starter "${word%%=*}" "${word#*=}"
    fi
done
