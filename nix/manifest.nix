# What was built, of what, with what: a JSON file to pin and to keep beside
# the artifacts.
{
  lib,
  runCommand,
  writeText,
  jq,
  self,
  nixpkgs,
  crane,
  asl,
  libasl,
  overlay,
  srm,
  image,
  imageTools,
  rustc,
  version,
}:
let
  # A path input has no revision: then its contents alone name it.
  input = flake: {
    rev = flake.rev or "none";
    narHash = flake.narHash or "none";
  };
  facts = writeText "manifest-facts" (
    builtins.toJSON {
      schema = 1;
      inherit version;
      source = self.rev or "dirty";
      nix = builtins.nixVersion;
      inputs = lib.mapAttrs (_: input) { inherit nixpkgs crane; };
      base = image.pins;
      tools = imageTools.pins;
    }
  );
in
runCommand "asl-manifest-${version}"
  {
    nativeBuildInputs = [
      jq
      rustc
    ];
    artifacts = "${asl}/bin/asl-admin ${asl}/bin/asl-debug ${asl}/bin/asl-intake ${libasl}/lib/libasl.so ${srm}/00-asl.srm";
    inherit image;
  }
  ''
    mkdir $out
    for artifact in $artifacts $image/*.iso; do
      sha256sum < $artifact | jq -R --arg name "$(basename $artifact)" --arg size "$(stat -c %s $artifact)" \
        '{ ($name): { sha256: .[:64], size: ($size | tonumber) } }'
    done | jq -s add > artifacts.json
    ( cd ${overlay} && find . -type f -o -type l | sort | while read -r path; do
        printf '%s %s\n' "''${path#./}" "$(if [ -L $path ]; then readlink $path; else sha256sum < $path | cut -c -64; fi)"
      done ) | jq -R 'split(" ") | { (.[0]): .[1] }' | jq -s add > overlay.json
    jq --sort-keys --slurpfile artifacts artifacts.json --slurpfile overlay overlay.json \
      --arg rustc "$(rustc --version)" --slurpfile unpinned ${../nix/base-debian/lock.json} \
      '. + { artifacts: $artifacts[0], overlay: $overlay[0], rustc: $rustc, unpinned: ($unpinned[0].unpinned // false) }' \
      ${facts} > $out/manifest.json
  ''
