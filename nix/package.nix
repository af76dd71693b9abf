# The three programs of the overlay, and what the Debian base needs of us,
# as static binaries: they run on any kernel and beside any libc.
{
  lib,
  craneLib,
  glibc,
  rustSource,
  version,
}:
let
  target = "x86_64-unknown-linux-gnu";
  common = {
    inherit version;
    pname = "asl";
    src = rustSource;
    strictDeps = true;
    doCheck = false;
    buildInputs = [ glibc.static ];
    cargoExtraArgs = "--locked --package asl-admin --package asl-debug --package asl-intake --package sysrescue-config";
    env = {
      CARGO_BUILD_TARGET = target;
      # Paths of the build host must not show in panic messages.
      CARGO_BUILD_RUSTFLAGS = "-C target-feature=+crt-static --remap-path-prefix=${vendor}=/vendor";
    };
    cargoVendorDir = vendor;
  };
  vendor = craneLib.vendorCargoDeps { src = rustSource; };
in
craneLib.buildPackage (
  common
  // {
    cargoArtifacts = craneLib.buildDepsOnly common;
    doInstallCargoArtifacts = false;
    installPhaseCommand = ''
      mkdir -p $out/bin $sysrescueConfig/bin
      release=''${CARGO_TARGET_DIR:-target}/${target}/release
      cp $release/asl-{admin,debug,intake} $out/bin/
      cp $release/sysrescue-config $sysrescueConfig/bin/
      bash ${./strip-store-paths.sh} $out/bin/* $sysrescueConfig/bin/*
    '';
    outputs = [
      "out"
      "sysrescueConfig"
    ];
    meta = {
      description = "Finds a machine's storage and its ASL store without writing to a disk, and serves it";
      license = with lib.licenses; [
        mit
        asl20
      ];
      platforms = [ "x86_64-linux" ];
    };
  }
)
