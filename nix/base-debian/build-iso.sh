#!/bin/bash
# Makes $out/base.iso, which boots through BIOS and UEFI (with Secure Boot on or off) as a
# disc and as a disk, and $out/base.json. Works in the current directory.
#
#   root       airootfs.sfs, vmlinuz and versions.json, from build-root.sh
#   initrd     from build-initramfs.sh
#   boot       the packages of the boot loaders
#   packages   a file that lists every package in the live root
#   medium     boot menus and the default configuration
#   release    the packages' release, as 13.8
#   epoch      the one time of every file, in seconds
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
: "${root:?}" "${initrd:?}" "${boot:?}" "${packages:?}" "${medium:?}" "${release:?}" "${epoch:?}" "${out:?}"
# xorriso and mtools take every time and every identifier from it.
export SOURCE_DATE_EPOCH=$epoch

# ASLDEB1308 for 13.8. At most 11 characters would fit a FAT stick's label too.
label=$(printf 'ASLDEB%d%02d' "${release%%.*}" "${release#*.}")
title="ASL rescue base, Debian $release"
parameters="archisobasedir=sysresccd archisolabel=$label console=tty0 console=ttyS0,115200n8 loglevel=4"

mkdir -p loaders iso "$out"
for deb in $boot; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C loaders --no-same-permissions --no-same-owner
done

# fill FROM TO: a menu with its blanks filled in.
fill() { sed -e "s|@PARAMETERS@|$parameters|" -e "s|@TITLE@|$title|" "$1" >"$2"; }

live=iso/sysresccd
mkdir -p "$live/boot/x86_64" "$live/boot/syslinux" "$live/x86_64" iso/sysrescue.d \
    iso/isolinux iso/boot/grub iso/EFI/BOOT iso/.disk
cp "$root/vmlinuz" "$live/boot/x86_64/vmlinuz"
cp "$initrd" "$live/boot/x86_64/sysresccd.img"
cp "$root/airootfs.sfs" "$live/x86_64/airootfs.sfs"
(cd "$live/x86_64" && sha512sum airootfs.sfs >airootfs.sha512)
cp "$packages" "$live/pkglist.x86_64.txt"
echo "$release" >"$live/VERSION"
cp "$medium/100-defaults.yaml" iso/sysrescue.d/

# BIOS
cp loaders/usr/lib/ISOLINUX/isolinux.bin iso/isolinux/
cp "$medium/isolinux.cfg" iso/isolinux/
for module in ldlinux libutil menu; do
    cp "loaders/usr/lib/syslinux/modules/bios/$module.c32" "$live/boot/syslinux/"
done
# isolinux looks for its core module beside itself, before it has read any path.
cp "$live/boot/syslinux/ldlinux.c32" iso/isolinux/
fill "$medium/sysresccd.cfg" "$live/boot/syslinux/sysresccd.cfg"

# UEFI: the firmware checks shim, shim checks GRUB, and GRUB asks shim about the kernel.
cp loaders/usr/lib/shim/shimx64.efi.signed iso/EFI/BOOT/BOOTX64.EFI
cp loaders/usr/lib/shim/mmx64.efi.signed iso/EFI/BOOT/mmx64.efi
cp loaders/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed iso/EFI/BOOT/grubx64.efi
fill "$medium/grub.cfg" iso/boot/grub/grub.cfg
# This GRUB takes the volume that has this file for its own.
echo "$title" >iso/.disk/info

chmod -R u=rwX,go=rX iso
find iso -exec touch -h -d "@$epoch" {} +

# The firmware reads FAT alone, so the loaders lie in a FAT image of their own as well. A
# serial number must be given: mformat would draw one.
truncate -s 6M efi.img
mformat -i efi.img -N 41534C31 -v EFI ::
mmd -i efi.img ::/EFI ::/EFI/BOOT
mcopy -m -i efi.img iso/EFI/BOOT/BOOTX64.EFI iso/EFI/BOOT/mmx64.efi \
    iso/EFI/BOOT/grubx64.efi ::/EFI/BOOT/
mv efi.img iso/boot/grub/efi.img
touch -d "@$epoch" iso/boot/grub/efi.img iso/boot/grub

xorriso -no_rc -as mkisofs -quiet -o "$out/base.iso" \
    -iso-level 3 -full-iso9660-filenames -rational-rock -omit-version-number \
    -volid "$label" -appid "$title" -publisher "" -preparer "" \
    -isohybrid-mbr loaders/usr/lib/ISOLINUX/isohdpfx.bin \
    -b isolinux/isolinux.bin -c isolinux/boot.cat \
    -no-emul-boot -boot-load-size 4 -boot-info-table \
    -eltorito-alt-boot -e boot/grub/efi.img -no-emul-boot -isohybrid-gpt-basdat \
    --set_all_file_dates "=$epoch" \
    iso
implantisomd5 "$out/base.iso" >/dev/null

# versions.json is one flat object in one line.
printf '{"name": "debian", "version": "%s", "label": "%s", "arch": "x86_64", %s\n' \
    "$release" "$label" "$(sed 's/^{//' "$root/versions.json")" >"$out/base.json"
