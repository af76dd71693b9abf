# libasl.so and asl.h. A derivation of its own: with +crt-static, cargo
# silently drops the cdylib.
{
  craneLib,
  rustSource,
  version,
}:
let
  vendor = craneLib.vendorCargoDeps { src = rustSource; };
  common = {
    inherit version;
    pname = "libasl";
    src = rustSource;
    strictDeps = true;
    doCheck = false;
    cargoExtraArgs = "--locked --package libasl";
    cargoVendorDir = vendor;
    env.CARGO_BUILD_RUSTFLAGS = "--remap-path-prefix=${vendor}=/vendor";
  };
in
craneLib.buildPackage (
  common
  // {
    cargoArtifacts = craneLib.buildDepsOnly common;
    doInstallCargoArtifacts = false;
    # On the target the loader finds libc where it always does: nixpkgs' linker
    # must add no directory, neither those of what it linked with nor our own.
    env = common.env // {
      NIX_DONT_SET_RPATH = "1";
      NIX_NO_SELF_RPATH = "1";
    };
    dontPatchELF = true;
    installPhaseCommand = ''
      mkdir -p $out/lib $out/include
      cp ''${CARGO_TARGET_DIR:-target}/release/libasl.so $out/lib/
      cp libasl/include/asl.h $out/include/
      bash ${./strip-store-paths.sh} $out/lib/*
    '';
  }
)
