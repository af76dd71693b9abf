# 00-asl.srm: the overlay as a squashfs that SystemRescue lays over its root.
#
# The Nix store keeps neither owners nor modes, so both come from the table, a
# pseudo-file line for every path; -all-root would override them.
{
  lib,
  runCommand,
  writeText,
  imageTools,
  overlay,
  layout,
}:
let
  # Older than any base's /usr: a newer one would make systemd run its
  # ConditionNeedsUpdate= jobs at every boot.
  time = "946684800"; # 2000-01-01
  attributes = writeText "asl-attributes" (
    lib.concatStrings (
      lib.mapAttrsToList (
        path: entry: "${path} m ${entry.mode or "0777"} ${entry.owner or "0 0"}\n"
      ) layout
    )
  );
in
runCommand "asl-srm" { nativeBuildInputs = [ imageTools ]; } ''
  mkdir $out
  unset SOURCE_DATE_EPOCH # mksquashfs takes the time from it or from options, not both
  mksquashfs ${overlay} $out/00-asl.srm -quiet -no-progress -noappend \
    -comp zstd -Xcompression-level 19 -b 256K \
    -pf ${attributes} -root-mode 0755 -root-uid 0 -root-gid 0 \
    -all-time ${time} -mkfs-time ${time} \
    -no-xattrs -no-hardlinks -no-exports -processors ''${NIX_BUILD_CORES:-1}
''
