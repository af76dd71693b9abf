# Makes an ISO with the structure of SystemRescue's: the same places, entry
# forms, boot equipment and embedded checksum, with stand-ins for what is big.
# Takes the unpacked packages of the boot loaders in $loaders; makes $out.
# shellcheck shell=bash
set -eu -o pipefail
: "${loaders:?}" "${out:?}"
export SOURCE_DATE_EPOCH=1785542400

mkdir -p iso/{isolinux,EFI/archiso,EFI/boot,boot/grub,sysrescue.d,autorun}
mkdir -p iso/sysresccd/{x86_64,boot/x86_64,boot/syslinux}
cp "$loaders/usr/lib/ISOLINUX/isolinux.bin" "$loaders/usr/lib/ISOLINUX/isohdpfx.bin" \
  "$loaders/usr/lib/syslinux/modules/bios/ldlinux.c32" iso/isolinux/
echo 'DEFAULT loadconfig' > iso/isolinux/isolinux.cfg

param='archisobasedir=sysresccd archisolabel=RESCUE1302 iomem=relaxed'
{
  echo 'INCLUDE boot/syslinux/sysresccd_head.cfg'
  for options in '' ' copytoram' ' checksum' ' console=tty0 console=ttyS0,115200n8' ' nomdlvm' ' findroot'; do
    printf '\nLABEL sysresccd\nLINUX boot/x86_64/vmlinuz\nINITRD boot/x86_64/sysresccd.img\nAPPEND %s%s\n' "$param" "$options"
  done
} > iso/sysresccd/boot/syslinux/sysresccd_sys.cfg
echo 'PROMPT 0' > iso/sysresccd/boot/syslinux/sysresccd_head.cfg
cat > iso/sysresccd/boot/syslinux/sysresccd_pxe.cfg << 'END'
LABEL sysresccd_http
LINUX boot/x86_64/vmlinuz
INITRD boot/x86_64/sysresccd.img
APPEND archisobasedir=sysresccd archiso_http_srv=http://${pxeserver}/ iomem=relaxed
SYSAPPEND 3
END
{
  echo 'eval "'
  for options in '' ' copytoram' ' nomdlvm'; do
    printf "menuentry 'Boot SystemRescue' {\n\tset gfxpayload=keep\n\tlinux /sysresccd/boot/x86_64/vmlinuz archisobasedir=sysresccd \$archiso_param iomem=relaxed%s\n\tinitrd /sysresccd/boot/x86_64/sysresccd.img\n}\n" "$options"
  done
  echo '"'
} > iso/boot/grub/grubsrcd.cfg

for file in boot/x86_64/vmlinuz boot/x86_64/sysresccd.img x86_64/airootfs.sfs VERSION; do
  echo "stands for $file" > "iso/sysresccd/$file"
done
echo 'global: { copytoram: false }' > iso/sysrescue.d/100-defaults.yaml
cp "$loaders/usr/lib/shim/shimx64.efi.signed" iso/EFI/boot/bootx64.efi
truncate -s 2M iso/EFI/archiso/efiboot.img
mformat -i iso/EFI/archiso/efiboot.img -N 12345678 ::
mmd -i iso/EFI/archiso/efiboot.img ::/EFI ::/EFI/boot
mcopy -i iso/EFI/archiso/efiboot.img iso/EFI/boot/bootx64.efi ::/EFI/boot/

find iso -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
xorriso -as mkisofs -quiet -iso-level 3 -full-iso9660-filenames -rational-rock -volid RESCUE1302 \
  -appid SystemRescue -publisher test -eltorito-boot isolinux/isolinux.bin -eltorito-catalog isolinux/boot.cat \
  -no-emul-boot -boot-load-size 4 -boot-info-table -isohybrid-mbr iso/isolinux/isohdpfx.bin \
  -eltorito-alt-boot -e EFI/archiso/efiboot.img -no-emul-boot -isohybrid-gpt-basdat \
  -output "$out/base.iso" iso
implantisomd5 "$out/base.iso"
echo '{"name": "systemrescue", "version": "13.02"}' > "$out/base.json"
