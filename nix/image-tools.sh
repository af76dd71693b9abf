#!/bin/bash
# Unpacks $debs into $out/root and writes one starter per tool into $out/bin.
set -euo pipefail
umask 022
: "${debs:?}" "${out:?}"

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
    [ -x "$out/root/usr/bin/$2" ] || {
        echo "image-tools: no $2 among the pinned packages" >&2
        exit 1
    }
    cat >"$out/bin/$1" <<EOF
#!$BASH
exec $loader --inhibit-cache --argv0 $1 --library-path $libraries $out/root/usr/bin/$2 "\$@"
EOF
    chmod 755 "$out/bin/$1"
}

for tool in mksquashfs unsquashfs xorriso cpio zstd xz implantisomd5 checkisomd5; do
    starter "$tool" "$tool"
done
starter osirrox xorriso
for tool in mformat mcopy mmd mdir; do
    starter "$tool" mtools
done
starter depmod kmod
