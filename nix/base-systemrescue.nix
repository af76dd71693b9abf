# The official ISO. A site that cannot reach it hands it in:
# `nix/dev build --iso FILE` adds it to the store, where its hash finds it.
{ runCommand, fetchurl }:
let
  version = "13.02";
  file = "systemrescue-${version}-amd64.iso";
  pin = {
    name = file;
    inherit version;
    sha256 = "ad4d670b72859d887c7960142a9a9d36a3e50446694a035e254442f65d6e7572";
    url = "https://fastly-cdn.system-rescue.org/releases/${version}/${file}";
  };
  iso = fetchurl {
    inherit (pin) name sha256;
    urls = [
      pin.url
      "https://downloads.sourceforge.net/project/systemrescuecd/sysresccd-x86/${version}/${file}"
    ];
  };
in
runCommand "base-systemrescue-${version}"
  {
    passthru = {
      inherit iso version;
      name = "systemrescue";
      pins = [ pin ];
    };
  }
  ''
    mkdir $out
    ln -s ${iso} $out/base.iso
    echo '{"name": "systemrescue", "version": "${version}"}' > $out/base.json
  ''
