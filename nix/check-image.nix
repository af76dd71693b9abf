# The replay of a base ISO: on one with SystemRescue's structure, made here,
# and on the Debian base.
{
  runCommand,
  callPackage,
  jq,
  dpkg,
  imageTools,
  srm,
  mkRescueImage,
  base-debian,
}:
let
  debs = callPackage ./debs.nix { };

  systemrescue = runCommand "base-systemrescue-structure" {
    nativeBuildInputs = [
      imageTools
      dpkg
    ];
    debs = map (deb: deb.src) debs.boot;
    passthru = {
      name = "systemrescue";
      pins = [ ];
    };
  } ''
    mkdir loaders && loaders=$PWD/loaders
    for deb in $debs; do
      dpkg-deb --fsys-tarfile $deb | tar -x -C loaders --no-same-permissions --no-same-owner
    done
    source ${../tests/image/systemrescue.sh}
  '';

  check =
    base:
    runCommand "check-image-${base.name}"
      {
        nativeBuildInputs = [
          imageTools
          jq
        ];
        inherit base srm;
        image = mkRescueImage { inherit base; };
      }
      ''
        mkdir $out
        bash ${../tests/image/check.sh} > $out/result.json
      '';
in
{
  image-systemrescue = check systemrescue;
  image-debian = check base-debian;
}
