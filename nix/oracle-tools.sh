#!/bin/bash
# What the starters in $out/bin need beyond debian-tools.sh.
set -euo pipefail
: "${out:?}"
root=$out/root
libraries=$root/usr/lib/x86_64-linux-gnu

# Programs whose libraries are left out (see base-debian/oracle.absent): nobody asks for them.
(cd "$out/bin" && rm ntfsdecrypt runuser su xfs_scrub)
# The test suite that the package is named after.
rm -r "$root/usr/share/zfs/zfs-tests"

# first NAME LINE: what the starter does before it starts.
first() { sed -i "1a $2" "$out/bin/$1"; }

# mke2fs looks for its profiles below /etc, which is another system's.
for tool in mke2fs mkfs.ext2 mkfs.ext3 mkfs.ext4; do
    first "$tool" "export MKE2FS_CONFIG=\${MKE2FS_CONFIG:-$root/etc/mke2fs.conf}"
done

# descriptor FILE PATH: where it opens PATH it opens descriptor 9.
descriptor() {
    local zeros
    zeros=$(printf '\\x00%.0s' $(seq $((${#2} - 8))))
    sed -i "s,$2\\x00,/dev/fd/9$zeros," "$1"
    grep -q /dev/fd/9 "$1"
}

# mkfs.hfsplus puts Apple's boot blocks before a volume that it wraps.
descriptor "$root/usr/sbin/mkfs.hfsplus" /usr/share/misc/hfsbootdata
first mkfs.hfsplus "exec 9<$root/usr/share/misc/hfsbootdata"

# ztest, which makes real pools without a kernel module, starts itself over by the name that
# /proc/self/exe has. That is the loader here: its library reads the starter's name from a
# descriptor instead. It looks for zdb beside itself.
mkdir "$root/ztest"
cp "$libraries/libzpool.so.6" "$root/ztest/"
descriptor "$root/ztest/libzpool.so.6" /proc/self/exe
first ztest "export ZDB=\${ZDB:-$out/bin/zdb}; exec 9<$out/bin/ztest"
sed -i "s,--library-path ,&$root/ztest:," "$out/bin/ztest"

# A library that is missing would be taken from the system that the tool runs on, or not be
# found on the next.
for starter in "$out"/bin/*; do
    program=$(sed -n 's/.* \([^ ]*\) "$@"$/\1/p' "$starter")
    needs=$("$root/usr/lib64/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$libraries" --list "$program" 2>&1) || true
    strange=$(grep -E '=>|error' <<<"$needs" | grep -v "=> $root/") || continue
    echo "${0##*/}: $(basename "$starter"): $strange" >&2
    missing=y
done
[ -z "${missing:-}" ]
