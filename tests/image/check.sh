# Holds an image against the base that it was made from: only the named files
# differ, the boot equipment and the label are the base's, every entry has our
# options, the embedded checksum is right again.
# Takes base, image, srm; prints the counts as JSON.
# shellcheck shell=bash
set -eu -o pipefail
: "${base:?}" "${image:?}" "${srm:?}"
passed=0
ok() {
  echo "ok   $*" >&2
  passed=$((passed + 1))
}
fail() {
  echo "FAIL $*" >&2
  exit 1
}

old=$base/base.iso new=$(echo "$image"/*.iso)
[ "$(basename "$new")" = "$(jq -r .iso "$image/image.json")" ] || fail "image.json names another file than $new"

for iso in old new; do
  osirrox -indev "${!iso}" -extract / $iso.tree 2> /dev/null
  chmod -R u+w $iso.tree
  # The positions of the loaders differ, what they are must not.
  xorriso -indev "${!iso}" -report_el_torito plain -report_system_area plain 2> /dev/null |
    sed -E 's/ +[0-9]+( |$)/ N\1/g; s/[0-9a-f]{32}/GUID/g' > $iso.boot
  xorriso -indev "${!iso}" -pvd_info 2> /dev/null | grep -E '^(Volume Id|Publisher|App)' > $iso.pvd
done

diff old.pvd new.pvd >&2 || fail 'label or publisher differ'
ok 'label and publisher are the base'"'"'s'
diff <(grep -E 'boot img|System area summary|MBR partition table|GPT' old.boot | grep -vE 'GUID|range' | sed -E 's/ +N//g' | sort -u) \
  <(grep -E 'boot img|System area summary|MBR partition table|GPT' new.boot | grep -vE 'GUID|range' | sed -E 's/ +N//g' | sort -u) >&2 ||
  fail 'boot equipment differs'
grep -q 'boot img.*BIOS' new.boot || fail 'no BIOS loader'
grep -q 'boot img.*UEFI' new.boot || fail 'no UEFI loader'
ok 'BIOS and UEFI loaders and the hybrid partition tables are the base'"'"'s'

cmp <(head -c 432 "$old") <(head -c 432 "$new") || fail 'the MBR boot code differs'
ok 'the MBR boot code is the base'"'"'s'

# isolinux.bin holds its own place on the medium.
differing=$({ diff --recursive --brief old.tree new.tree || [ $? = 1 ]; } | sed -E 's/^Only in new.tree(.*): (.*)/\1\/\2/; s/^Files old.tree(.*) and .*/\1/' |
  grep -vE '^/isolinux/(isolinux.bin|boot.cat)$|\.cfg$' | sort | tr '\n' ' ')
[ "$differing" = '/sysresccd/00-asl.srm /sysrescue.d/300-asl.yaml ' ] || fail "these differ: $differing"
ok 'nothing else was changed, added or lost'

cmp new.tree/sysresccd/00-asl.srm "$srm/00-asl.srm"
ok 'the module is ours, byte for byte'

entries=0
while read -r line; do
  entries=$((entries + 1))
  for option in loadsrm nomdlvm md_mod.start_ro=1; do
    [ "$(tr '[:space:]' '\n' <<< "$line" | grep -cx "$option")" = 1 ] || fail "$option is not once in: $line"
  done
done < <(grep -rhE '^[[:space:]]*(APPEND|append|linux)[[:space:]].*archisobasedir=' new.tree --include='*.cfg')
[ $entries -gt 0 ] || fail 'no boot entry'
[ $entries = "$(jq .entries "$image/image.json")" ] || fail "image.json counts other entries than $entries"
ok "$entries entries have every option once"

if checkisomd5 --md5sumonly "$old" > /dev/null 2>&1; then
  checkisomd5 "$new" > /dev/null || fail 'the embedded checksum does not match'
  ok 'the embedded checksum matches'
fi

jq -n --argjson passed $passed '{ suite: "image", $passed, failed: 0, skipped: [] }'
