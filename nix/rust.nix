# Builds crates of the workspace as they are shipped: the dependencies first,
# so that a change of our code does not build them again. Static by default:
# such a program runs on any kernel and beside any libc.
{
  lib,
  craneLib,
  glibc,
  rustSource,
  version,
}:
{
  pname,
  # Cargo's words for what to build.
  cargoExtraArgs,
  # Copies from $release, where cargo leaves what it built, to $out.
  install,
  static ? true,
  src ? rustSource,
  postUnpack ? "",
  ...
}@args:
let
  target = "x86_64-unknown-linux-gnu";
  # Of the whole workspace, whatever part `src` is: fetched and unpacked once.
  vendor = craneLib.vendorCargoDeps { src = rustSource; };
  common = {
    inherit
      pname
      version
      src
      postUnpack
      cargoExtraArgs
      ;
    strictDeps = true;
    doCheck = false;
    buildInputs = lib.optional static glibc.static;
    cargoVendorDir = vendor;
    env = lib.optionalAttrs static { CARGO_BUILD_TARGET = target; } // {
      # Paths of the build host must not show in panic messages.
      CARGO_BUILD_RUSTFLAGS =
        lib.optionalString static "-C target-feature=+crt-static " + "--remap-path-prefix=${vendor}=/vendor";
    };
  };
in
craneLib.buildPackage (
  removeAttrs args [
    "install"
    "static"
  ]
  // common
  // {
    cargoArtifacts = craneLib.buildDepsOnly common;
    doInstallCargoArtifacts = false;
    installPhaseCommand = ''
      release=''${CARGO_TARGET_DIR:-target}/${lib.optionalString static "${target}/"}release
      ${install}
      find $out -type f -exec bash ${./strip-store-paths.sh} {} +
    '';
  }
)
