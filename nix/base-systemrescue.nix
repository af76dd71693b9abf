# The official ISO, as base-systemrescue.json pins it. A site that cannot
# reach it hands it in: `nix/dev build --iso FILE` adds it to the store, where
# its hash finds it.
{
  lib,
  runCommand,
  fetchurl,
}:
let
  pin = lib.importJSON ./base-systemrescue.json;
  iso = fetchurl {
    name = pin.file;
    inherit (pin) sha256 urls;
  };
in
runCommand "base-systemrescue-${pin.version}"
  {
    passthru = {
      inherit iso;
      inherit (pin) version;
      name = "systemrescue";
      pins = [
        {
          name = pin.file;
          inherit (pin) version sha256;
          url = builtins.head pin.urls;
        }
      ];
    };
  }
  ''
    mkdir $out
    ln -s ${iso} $out/base.iso
    echo '{"name": "systemrescue", "version": "${pin.version}"}' > $out/base.json
  ''
