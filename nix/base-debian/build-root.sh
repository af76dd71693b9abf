#!/bin/bash
# Makes the live root from Debian packages: $out/airootfs.sfs, $out/vmlinuz and
# $out/versions.json. Works in the current directory.
#
#   debs     the packages
#   release  their release, as 13.8
#   epoch    the one time of every file, in seconds
#   config   files laid over the packages' own, as on the target
#   links owners prune   tables, each described in its own first lines
#
# No maintainer script runs, and no program of the host has a say in what comes out:
# modes and owners come from tables, times from $epoch, order from sorting.
set -euo pipefail
export LC_ALL=C
umask 022
: "${debs:?}" "${release:?}" "${epoch:?}" "${config:?}" "${links:?}" "${owners:?}" "${prune:?}" "${out:?}"

root=$PWD/root
mkdir -p "$root" "$out"

# rows FILE: a table without its comments.
rows() { sed -e '/^#/d' -e '/^[[:space:]]*$/d' "$1"; }

# 1. Unpack. tar must not restore modes: a build sandbox forbids to set setuid bits. So
#    the archive's own listing goes into the table of modes instead.
: >listing
base_files=
for deb in $debs; do
    case $deb in *-base-files-*) base_files=$deb ;; esac
done
# base-files last: where packages differ about a common directory, it is the authority.
for deb in $debs ${base_files:+"$base_files"}; do
    dpkg-deb --fsys-tarfile "$deb" >package.tar
    tar -x -f package.tar -C "$root" --no-same-permissions --no-same-owner
    tar -t -v -f package.tar --numeric-owner --quoting-style=literal >>listing
done
rm package.tar

# 2. The kernel leaves the tree for its place on the medium.
kernels=("$root"/usr/lib/modules/*)
if [ ${#kernels[@]} -ne 1 ] || [ ! -d "${kernels[0]}" ]; then
    echo "base root: expected the modules of one kernel, found: ${kernels[*]}" >&2
    exit 1
fi
kernel=${kernels[0]##*/}
cp "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"

# 3. Drop what a rescue console does without.
rows "$prune" | while read -r pattern; do
    # Expanded on purpose, inside the tree alone; a pattern without a match is harmless.
    (cd "$root" && shopt -s nullglob && eval "rm -rf -- $pattern")
done

# 4. Our own files, then links. Directories that packages ship where a link must be go
#    only when they are empty.
cp -R --no-preserve=mode,ownership,timestamps "$config/." "$root/"
rows "$links" | while read -r path target; do
    mkdir -p "$root${path%/*}"
    if [ -d "$root$path" ] && [ ! -L "$root$path" ]; then rmdir "$root$path"; fi
    ln -sfn "$target" "$root$path"
done
rows "$owners" | sed -n 's|^\(/[^ ]*\)/ .*|\1|p' | while read -r directory; do
    mkdir -p "$root$directory"
done
rm -f "$root/etc/os-release"
cat >"$root/etc/os-release" <<EOF
NAME="ASL rescue base"
ID=asl-rescue-base
ID_LIKE=debian
VERSION_ID=$release
PRETTY_NAME="ASL rescue base on Debian GNU/Linux $release"
EOF

# The certificates of all authorities as the one file that TLS libraries read.
mkdir -p "$root/etc/ssl/certs"
find "$root/usr/share/ca-certificates" -name '*.crt' -type f | sort |
    while read -r certificate; do
        cat "$certificate"
        echo
    done >"$root/etc/ssl/certs/ca-certificates.crt"

depmod -b "$root" "$kernel"

# 5. Every program must find its libraries: a package left out of the closure shows here,
#    not in a rescue. Asked of the tree's own loader; systemd keeps a library of its own.
library=$root/usr/lib/x86_64-linux-gnu
loader=$root/usr/lib64/ld-linux-x86-64.so.2
find "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib/systemd" "$root/usr/lib/udev" \
    "$root/usr/libexec" "$root/usr/lib/openssh" "$library/security" -type f | sort |
    while read -r file; do
        [ "$(head -c 4 "$file" | tr -d '\0')" = $'\177ELF' ] || continue
        # Fails when a library is missing and for a static program. A library that the
        # host has to offer is as good as missing.
        { "$loader" --inhibit-cache --library-path "$library:$library/systemd" \
            --list "$file" 2>&1 || true; } |
            awk -v root="$root/" -v file="${file#"$root"}" '
                sub(/.*error while loading shared libraries: /, "") { print file, $1; next }
                $2 == "=>" && index($3, root) != 1 { print file, $1 }
            '
    done >missing
if [ -s missing ]; then
    cat missing >&2
    echo "base root: these programs lack a library; see base.list, base.absent, root.prune" >&2
    exit 1
fi

# 6. Modes and owners. For every path a line, because mksquashfs would otherwise take the
#    builder's own; what is in no archive is 0:0 with the mode that its kind has.
find "$root" -mindepth 1 -printf '%P\t%y\t%m\n' | sort >paths
rows "$owners" >owners.rows
awk -F '\t' '
    function octal(text,    value, i, bit) {
        # rwxrwxrwx, with s, S, t and T for the upper three bits
        value = 0
        for (i = 2; i <= 10; i++) {
            bit = substr(text, i, 1)
            value = value * 2 + (bit != "-" && bit != "S" && bit != "T")
        }
        if (substr(text, 4, 1) ~ /[sS]/) value += 2048
        if (substr(text, 7, 1) ~ /[sS]/) value += 1024
        if (substr(text, 10, 1) ~ /[tT]/) value += 512
        return sprintf("%04o", value)
    }
    FILENAME == "listing" {
        # -rwxr-xr-x 0/0 123 2026-01-02 03:04 ./path -> target
        if (!match($0, / [0-9]+-[0-9]+-[0-9]+ [0-9:]+ \.\//)) next
        path = substr($0, RSTART + RLENGTH)
        split($0, field, / +/)
        split(field[2], id, "/")
        sub(/ -> .*/, "", path)
        sub(/\/$/, "", path)
        mode[path] = octal(field[1]) " " id[1] " " id[2]
        type[path] = substr(field[1], 1, 1)
        next
    }
    FILENAME == "owners.rows" {
        split($0, field, / +/)
        path = substr(field[1], 2)
        sub(/\/$/, "", path)
        mode[path] = field[2] " " field[3] " " field[4]
        type[path] = "any"
        wanted[path] = 1
        next
    }
    {
        path = $1
        kind = $2 == "f" ? "-" : $2
        delete wanted[path]
        if (path in mode && (type[path] == "any" || type[path] == kind)) line = mode[path]
        else if (kind == "d") line = "0755 0 0"
        else if (kind == "l") line = "0777 0 0"
        else line = ($3 ~ /[1357]/ ? "0755" : "0644") " 0 0"
        gsub(/[\\"]/, "\\\\&", path)
        split(line, field, " ")
        print "\"" path "\" m " field[1] " " field[2] " " field[3]
    }
    END {
        for (path in wanted) {
            print "base root: root.owners names /" path ", which is not there" > "/dev/stderr"
            bad = 1
        }
        exit bad
    }
' listing owners.rows paths >pseudo

# 7. One file. Owners come from the table, so -all-root must not stand here: it wins. Times
#    come from the options, and mksquashfs refuses to be told twice.
unset SOURCE_DATE_EPOCH
mksquashfs "$root" "$out/airootfs.sfs" -noappend -no-progress -quiet \
    -comp zstd -Xcompression-level 15 -b 256K -no-xattrs -no-hardlinks -no-exports \
    -mkfs-time "$epoch" -all-time "$epoch" -pf pseudo \
    -root-mode 0755 -root-uid 0 -root-gid 0

glibc=$("$loader" --version | sed -n '1s/.* \([0-9][0-9.]*\)\.$/\1/p')
systemd=$("$loader" --inhibit-cache --library-path "$library:$library/systemd" \
    "$root/usr/bin/systemctl" --version | sed -n '1s/^systemd [0-9]* (\([^-~+)]*\).*/\1/p')
if [ -z "$glibc" ] || [ -z "$systemd" ]; then
    echo "base root: could not read the versions of glibc and systemd from the tree" >&2
    exit 1
fi
printf '{"kernel": "%s", "glibc": "%s", "systemd": "%s"}\n' "$kernel" "$glibc" "$systemd" \
    >"$out/versions.json"
