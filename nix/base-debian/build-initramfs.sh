#!/bin/bash
# Makes $out: a compressed archive with busybox, the init beside this file, kernel modules
# and the program that merges the configuration. Works in the current directory.
#
#   kernel busybox   the packages
#   initramfs        the directory with init and the list of modules
#   sysrescue_config the static program
#   epoch            the one time of every file
set -euo pipefail
export LC_ALL=C
umask 022
: "${kernel:?}" "${busybox:?}" "${initramfs:?}" "${sysrescue_config:?}" "${epoch:?}" "${out:?}"

unpack() { # DEB INTO
    mkdir -p "$2"
    dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-permissions --no-same-owner
}
unpack "$kernel" kernel
unpack "$busybox" busybox
modules=(kernel/usr/lib/modules/*)
version=${modules[0]##*/}

# /lib is a directory here, because the kernel asks for nothing below /usr.
mkdir -p tree/bin tree/lib/modules
cp busybox/usr/bin/busybox tree/bin/busybox
cp "$sysrescue_config" tree/bin/sysrescue-config
cp "$initramfs/init" tree/init
chmod 755 tree/init tree/bin/*
# Named, not --install: init is then plain about what it uses.
tree/bin/busybox --list >applets
for applet in cat chmod cmp cp cttyhack dd dmesg echo find grep hexdump ls losetup mkdir \
    modprobe mount mv reboot rm rmdir sed setsid sh sha512sum sleep sort switch_root tr \
    umount uname vi xargs; do
    grep -q -x "$applet" applets || {
        echo "initramfs: this busybox has no $applet" >&2
        exit 1
    }
    ln -s busybox "tree/bin/$applet"
done

# Each wanted module with what it depends on, by depmod's own table of the whole kernel.
# A module without a line there is built in or renamed: the first is fine, the second is
# found by asking the list of what is built in.
depmod -b kernel/usr "$version" 2>/dev/null || depmod -b kernel "$version"
table=kernel/usr/lib/modules/$version
sed -e '/^#/d' "$initramfs/modules" | tr -s ' ' '\n' | sed '/^$/d' >wanted
awk '
    function key(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
    FILENAME ~ /builtin$/ { builtin[key($1)] = 1; next }
    FILENAME ~ /dep$/ {
        path = $1; sub(/:$/, "", path)
        needs[key(path)] = path " " substr($0, length($1) + 2); next
    }
    {
        gsub(/-/, "_", $1)
        if ($1 in needs) { n = split(needs[$1], list, " "); for (i = 1; i <= n; i++) print list[i] }
        else if (!($1 in builtin)) { print "initramfs: this kernel has no module " $1 > "/dev/stderr"; bad = 1 }
    }
    END { exit bad }
' "$table/modules.builtin" "$table/modules.dep" wanted >files
sort -u files >files.sorted

# Plain modules: the archive as a whole is compressed, better than each of them could be,
# and signatures are over the plain form anyway.
while read -r file; do
    mkdir -p "tree/lib/modules/$version/${file%/*}"
    case $file in
    *.xz) xz -d -c "$table/$file" >"tree/lib/modules/$version/${file%.xz}" ;;
    *) cp "$table/$file" "tree/lib/modules/$version/$file" ;;
    esac
done <files.sorted
cp "$table/modules.builtin" "$table/modules.builtin.modinfo" "$table/modules.order" \
    "tree/lib/modules/$version/"
depmod -b tree "$version"
# busybox reads the textual tables alone.
rm "tree/lib/modules/$version"/*.bin

find tree -exec touch -h -d "@$epoch" {} +
(cd tree && find . -mindepth 1 -print0 | sort -z |
    cpio --null --create --format=newc --reproducible --owner=0:0 --quiet) |
    zstd -q -19 -T1 >"$out"
