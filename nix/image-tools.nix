# The tools that make images, as pinned Debian packages started from their own root with
# their own loader. A squashfs or an ISO depends on the version of the tool that wrote it,
# so only tools that are the same bits everywhere make images that are the same bits.
{
  runCommand,
  callPackage,
  dpkg,
  debs ? callPackage ./debs.nix { },
}:
runCommand "image-tools"
  {
    debs = map (deb: deb.src) debs.tools;
    nativeBuildInputs = [ dpkg ];
    starters = [
      "mksquashfs"
      "unsquashfs"
      "xorriso"
      "osirrox=xorriso"
      "cpio"
      "zstd"
      "xz"
      "implantisomd5"
      "checkisomd5"
      "mformat=mtools"
      "mcopy=mtools"
      "mmd=mtools"
      "mdir=mtools"
      "depmod=kmod"
    ];
    passthru.pins = map (deb: removeAttrs deb [ "src" ]) debs.tools;
  }
  ''
    bash ${./debian-tools.sh}
  ''
