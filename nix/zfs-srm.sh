#!/bin/bash
# Makes $out/10-zfs.srm. Works in the current directory.
#
#   modules  spl.ko and zfs.ko
#   release  of their kernel
#   root     the base's root, with airootfs.sfs
#   debs     the packages of ZFS
#   time     the one time of every file, in seconds
set -euo pipefail
export LC_ALL=C
umask 022
: "${modules:?}" "${release:?}" "${root:?}" "${debs:?}" "${time:?}" "${out:?}"

for module in spl zfs; do
    if ! grep -q -a -F "vermagic=$release " "$modules/$module.ko"; then
        echo "$module.ko is not for kernel $release" >&2
        exit 1
    fi
done

library=usr/lib/x86_64-linux-gnu
table=usr/lib/modules/$release
mkdir -p tree/$library tree/usr/sbin tree/usr/share/doc "tree/$table/extra" packages "$out"
for deb in $debs; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C packages --no-same-permissions --no-same-owner
done

# 1. Programs, what they are linked with, and its licence. Nothing that starts by itself: a
#    unit, a generator or a rule of udev would import pools behind the operator's back.
for program in zpool zfs zdb mount.zfs; do cp "packages/usr/sbin/$program" tree/usr/sbin/; done
cp -P packages/$library/lib*.so.* tree/$library/
for document in packages/usr/share/doc/*/copyright; do
    package=$(basename "$(dirname "$document")")
    mkdir "tree/usr/share/doc/$package"
    cp "$document" "tree/usr/share/doc/$package/"
done

# 2. The modules, and depmod's tables of the base's together with them. They are not
#    compressed by themselves: the squashfs is.
cp "$modules"/*.ko "tree/$table/extra/"
unsquashfs -quiet -no-progress -no-xattrs -d base "$root/airootfs.sfs" \
    "$table" $library usr/lib64 >/dev/null
cp -R "base/$table" before
cp -R "tree/$table/extra" "base/$table/"
depmod -b base/usr "$release" 2>/dev/null || depmod -b base "$release"
for file in "base/$table"/modules.*; do
    cmp -s "$file" "before/${file##*/}" || cp "$file" "tree/$table/"
done
if ! grep -q '^extra/zfs.ko: .*extra/spl.ko' "tree/$table/modules.dep"; then
    echo "depmod did not note that zfs needs spl" >&2
    exit 1
fi

# 3. The programs find the rest of their libraries in the base. Asked of the base's loader, as
#    base-debian/build-root.sh does.
loader=base/usr/lib64/ld-linux-x86-64.so.2
for program in tree/usr/sbin/*; do
    "$loader" --inhibit-cache --library-path "tree/$library:base/$library" --list "$program" |
        awk -v program="${program##*/}" '
            $2 == "=>" && index($3, "tree/") != 1 && index($3, "base/") != 1 { print program, $1 }'
done >missing
if [ -s missing ]; then
    cat missing >&2
    echo "10-zfs.srm: these programs lack a library" >&2
    exit 1
fi

find tree -type d -exec chmod 0755 {} +
find tree -type f -exec chmod 0644 {} +
chmod 0755 tree/usr/sbin/*
unset SOURCE_DATE_EPOCH # mksquashfs takes the time from it or from options, not both
mksquashfs tree "$out/10-zfs.srm" -noappend -no-progress -quiet \
    -comp zstd -Xcompression-level 19 -b 256K -no-xattrs -no-hardlinks -no-exports \
    -all-root -root-mode 0755 -all-time "$time" -mkfs-time "$time" \
    -processors "${NIX_BUILD_CORES:-1}"
