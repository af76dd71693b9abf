# The three programs of the overlay.
{ lib, buildCrates }:
buildCrates {
  pname = "asl";
  cargoExtraArgs = "--locked --package asl-admin --package asl-debug --package asl-intake";
  install = ''
    mkdir -p $out/bin
    cp $release/asl-{admin,debug,intake} $out/bin/
    # Manual pages and completions: the programs know them.
    for name in admin debug intake; do $out/bin/asl-$name man --to $out/share; done
  '';
  meta = {
    description = "Finds a machine's storage and its ASL store without writing to a disk, and serves it";
    license = with lib.licenses; [
      mit
      asl20
    ];
    platforms = [ "x86_64-linux" ];
  };
}
