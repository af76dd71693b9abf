# The crates that a Cargo.lock names, unpacked as a source that cargo takes
# in place of its registry.
#
# cargo itself fetches them, from the registry or mirror that this host's
# cargo is set up for, and `nix/dev` adds them to the Nix store. Here they are
# named by the checksums of the lock file alone, so what is found is what was
# locked.
{
  lib,
  cargoLock,
  runCommand,
  stdenvNoCC,
}:
let
  locked = builtins.filter (package: package ? checksum) (lib.importTOML cargoLock).package;

  crate =
    { name, version, checksum, ... }:
    stdenvNoCC.mkDerivation {
      name = "${name}-${version}.crate";
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = checksum;
      buildCommand = ''
        echo "the crate ${name} ${version} is not in the store; nix/dev fetches it with cargo and adds it" >&2
        exit 1
      '';
    };
in
runCommand "cargo-vendor"
  {
    crates = map crate locked;
    names = map (package: "${package.name}-${package.version}") locked;
    checksums = map (package: package.checksum) locked;
  }
  ''
    mkdir -p $out
    set -- $checksums
    for name in $names; do
      crate=''${crates%% *} crates=''${crates#* }
      tar --extract --gzip --file "$crate" --directory $out --no-same-owner
      echo "{\"files\":{},\"package\":\"$1\"}" > $out/$name/.cargo-checksum.json
      shift
    done
  ''
