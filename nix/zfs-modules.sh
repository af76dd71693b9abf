#!/bin/bash
# Builds spl.ko and zfs.ko for one kernel into $out, with the pinned compiler. Works in the
# current directory.
#
#   debs     the compiler, the kernel's headers, and the source of ZFS
#   release  the kernel's, as `uname -r` says it
#
# Nothing of the machine that builds has a say in what comes out but awk, sed and their like.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
: "${debs:?}" "${release:?}" "${out:?}"

root=$PWD/root
mkdir -p "$root" tools "$out"
for deb in $debs; do
    dpkg-deb --fsys-tarfile "$deb" |
        tar -x -C "$root" --no-same-permissions --no-same-owner \
            --exclude=./usr/share/man --exclude=./usr/share/doc
done
for directory in bin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done

# 1. Its programs look for their loader and libraries where only a Debian has them, and they
#    start each other: each is replaced by a starter of its name, which says where they are.
#    Its own path comes first: gcc and modpost look beside themselves for more programs.
libraries=$root/usr/lib/x86_64-linux-gnu
loader=$libraries/ld-linux-x86-64.so.2
find "$root/usr/bin" "$root/usr/libexec" "$root"/usr/lib/linux-kbuild-* -type f -perm -u+x ! -name '*.so*' | sort |
    while read -r file; do
        [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
        mv "$file" "$file.elf"
        cat >"$file" <<END
#!$BASH
exec $loader --inhibit-cache --library-path $libraries --argv0 "\$0" $file.elf "\$@"
END
        chmod 755 "$file"
    done

# The kernel's makefiles ask for these by name, and for a shell that need not be on the path.
for tool in as ld nm objcopy objdump ar strip readelf; do
    ln -s "$root/usr/bin/x86_64-linux-gnu-$tool" "tools/$tool"
    ln -s "$root/usr/bin/x86_64-linux-gnu-$tool" "tools/x86_64-linux-gnu-$tool"
done
ln -s "$root/usr/bin/x86_64-linux-gnu-gcc-14" tools/gcc-14
ln -s "$root/usr/bin/x86_64-linux-gnu-gcc-14" tools/x86_64-linux-gnu-gcc-14
ln -s "$root/usr/bin/make" tools/make
ln -s "$BASH" tools/sh
ln -s "$BASH" tools/bash
export PATH=$PWD/tools:$PATH

# 2. The headers, which name each other by absolute paths. Their vmlinux holds types for BPF
#    alone, and pahole, which would add ours, is not here.
headers=$root/usr/src/linux-headers-$release
common=$root/usr/src/linux-headers-${release%-amd64}-common
sed -i "s|/usr/src/|$root/usr/src/|" "$headers/Makefile"
rm -f "$headers/vmlinux"

# 3. ZFS. It asks the kernel's headers some 250 questions by compiling, which is most of the
#    time. Paths of this build stay out of the messages that assertions print, and what debuggers
#    want is not made: ten times as much as the modules.
mv "$root"/usr/src/zfs-* zfs
cd zfs
grep -rlE '^#! ?/usr/bin/env (ba)?sh' . | xargs -r sed -i -E "1s|^#! ?/usr/bin/env (ba)?sh|#!$BASH|"
export CONFIG_SHELL=$BASH KCFLAGS="-g0 -ffile-prefix-map=$PWD/=zfs/ -ffile-prefix-map=$root/="
# Statically linked, the programs of its questions start without a loader.
bash ./configure --quiet --disable-dependency-tracking --with-config=kernel \
    --with-linux="$common" --with-linux-obj="$headers" \
    CC="gcc-14 --sysroot=$root" LDFLAGS=-static >configure.log 2>&1 || {
    tail -n 40 configure.log config.log >&2
    exit 1
}
make -j"${NIX_BUILD_CORES:-1}" >make.log 2>&1 || {
    tail -n 60 make.log >&2
    exit 1
}

for module in spl zfs; do
    objcopy --strip-debug "module/$module.ko" "$out/$module.ko"
    if grep -q -a -F "${root%/root}" "$out/$module.ko"; then
        echo "$module.ko names the directory it was built in" >&2
        exit 1
    fi
done
