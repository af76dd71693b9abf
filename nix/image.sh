# Replays a base ISO with our files and options: boot equipment, label and
# every other file stay as they are.
# Takes base, srm, modules, yaml, options, version, epoch; makes $out.
# shellcheck shell=bash
set -eu -o pipefail
: "${base:?}" "${srm:?}" "${modules?}" "${yaml:?}" "${options:?}" "${version:?}" "${epoch:?}" "${out:?}"

iso="$base/base.iso"
name="asl-rescue-$(jq -r .name "$base/base.json")-$version"
mkdir -p "$out/boot" changed
export SOURCE_DATE_EPOCH=$epoch

# Every loader configuration that has an entry of the live system.
osirrox -indev "$iso" -find / -type f -name '*.cfg' -exec report_lba -- 2>/dev/null |
  sed -n "s/^File data lba:.*, '\(.*\)'$/\1/p" | sort > configurations
entries=0
while read -r path; do
  mkdir -p "changed$(dirname "$path")"
  osirrox -indev "$iso" -extract "$path" "changed$path" 2>> xorriso.log
  chmod u+w "changed$path"
  # A comment is no entry.
  if ! grep -v '^[[:space:]]*#' "changed$path" | grep 'archisobasedir=' > found; then
    rm "changed$path"
    continue
  fi
  for option in $options; do
    sed -i -E "/^[[:space:]]*(append|linux[a-z]*)[[:space:]].*archisobasedir=/I { /[[:space:]]$option([[:space:]]|\$)/! s/[[:space:]]*\$/ $option/ }" "changed$path"
  done
  # An entry without our options would boot, assemble arrays and write.
  while read -r line; do
    for option in $options; do
      case " $line " in
        *" $option "*) ;;
        *)
          echo "$path: could not add '$option' to this entry: $line" >&2
          exit 1
          ;;
      esac
    done
  done < <(grep -v '^[[:space:]]*#' "changed$path" | grep 'archisobasedir=')
  entries=$((entries + $(wc -l < found)))
done < configurations
if [ "$entries" = 0 ]; then
  echo "$iso: no boot entry with archisobasedir= in any *.cfg" >&2
  exit 1
fi

mkdir -p changed/sysresccd changed/sysrescue.d
cp "$srm/00-asl.srm" changed/sysresccd/00-asl.srm
added=(/sysresccd/00-asl.srm /sysrescue.d/300-asl.yaml)
for module in $modules; do
  for file in "$module"/*.srm; do
    place=/sysresccd/${file##*/}
    # In front of ours its files would hide ours; a second one of a name would hide the first.
    if [ "$(printf '%s\n' "$place" /sysresccd/00-asl.srm | LC_ALL=C sort | tail -n 1)" != "$place" ] ||
      [ -e "changed$place" ]; then
      echo "$file: its name has to sort after 00-asl.srm, and to be there once" >&2
      exit 1
    fi
    cp "$file" "changed$place"
    added+=("$place")
  done
done
cp "$yaml" changed/sysrescue.d/300-asl.yaml
find changed -type f -exec chmod 0644 {} +
find changed -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# Only files are mapped: mapping a directory would change its attributes.
maps=()
while read -r path; do
  maps+=(-map "changed$path" "$path")
done < <(find changed -type f -printf '/%P\n' | sort)

xorriso -indev "$iso" -outdev "$out/$name.iso" \
  -boot_image any replay -overwrite on "${maps[@]}" \
  -chown 0 "${added[@]}" -- -chgrp 0 "${added[@]}" -- \
  2>> xorriso.log || { tail -n 40 xorriso.log >&2; exit 1; }

# A base that carries a checksum of itself gets a new one.
if checkisomd5 --md5sumonly "$iso" > /dev/null 2>&1; then
  implantisomd5 --force "$out/$name.iso"
fi

osirrox -indev "$out/$name.iso" \
  -extract /sysresccd/boot/x86_64/vmlinuz "$out/boot/vmlinuz" \
  -extract /sysresccd/boot/x86_64/sysresccd.img "$out/boot/initrd" 2>> xorriso.log
chmod u+w "$out"/boot/*

label=$(xorriso -indev "$out/$name.iso" -pvd_info 2>/dev/null | sed -n 's/^Volume Id *: *//p')
jq --sort-keys --null-input --arg iso "$name.iso" --arg volume "$label" --arg version "$version" \
  --arg options "$options" --argjson entries "$entries" --slurpfile base "$base/base.json" \
  '{ $iso, label: $volume, $version, $entries, base: $base[0],
     kernel: "boot/vmlinuz", initrd: "boot/initrd",
     cmdline: "archisobasedir=sysresccd archisolabel=\($volume) \($options)" }' \
  > "$out/image.json"
