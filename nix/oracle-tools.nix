# The storage tools of Debian 13, started from their own root: they make the images that the
# detection is tested with, and say what is on them.
{
  runCommand,
  callPackage,
  dpkg,
  debs ? callPackage ./debs.nix { },
}:
runCommand "oracle-tools"
  {
    debs = map (deb: deb.src) debs.oracle;
    nativeBuildInputs = [ dpkg ];
    starters = "*";
    passthru.pins = map (deb: removeAttrs deb [ "src" ]) debs.oracle;
  }
  ''
    bash ${./debian-tools.sh}
    # mke2fs looks for its profiles below /etc, which is another system's.
    mkdir -p $out/etc
    ln -s ../root/etc/mke2fs.conf $out/etc/mke2fs.conf
  ''
