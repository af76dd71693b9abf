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
    bash ${./oracle-tools.sh}
  ''
