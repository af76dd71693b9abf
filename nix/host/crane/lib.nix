# mkCargoDerivation and what is made of it, with crane's names and meaning.
{ pkgs }:
let
  inherit (pkgs) lib;

  without = names: args: removeAttrs args names;

  # One cargo command per derivation, over artifacts of an earlier one.
  cargoCommand =
    suffix: command: defaults: args:
    let
      extra = name: args.${name} or defaults.${name} or "";
    in
    mkCargoDerivation (
      without ([ "cargoExtraArgs" ] ++ builtins.attrNames defaults) args
      // {
        pnameSuffix = lib.optionalString (suffix != "") "-${suffix}";
        buildPhaseCargoCommand = "${command} ${args.cargoExtraArgs or "--locked"} ${
          lib.concatMapStringsSep " " extra (builtins.attrNames defaults)
        }";
      }
    );

  mkCargoDerivation =
    {
      cargoArtifacts,
      buildPhaseCargoCommand,
      installPhaseCommand ? "mkdir -p $out",
      pname,
      pnameSuffix ? "",
      ...
    }@args:
    pkgs.stdenv.mkDerivation (
      without [ "buildPhaseCargoCommand" "installPhaseCommand" "pnameSuffix" "cargoToml" ] args
      // {
        inherit cargoArtifacts;
        pname = pname + pnameSuffix;
        cargoVendorDir = args.cargoVendorDir or (vendorCargoDeps args);
        doInstallCargoArtifacts = args.doInstallCargoArtifacts or true;
        nativeBuildInputs =
          (args.nativeBuildInputs or [ ])
          ++ [
            pkgs.cargo
            pkgs.rustc
          ];
        configurePhase = ''
          source ${./cargo.sh}
          runHook preConfigure
          inheritCargoArtifacts
        '';
        buildPhase = ''
          runHook preBuild
          cargo --version
          ${buildPhaseCargoCommand}
          runHook postBuild
        '';
        installPhase = ''
          runHook preInstall
          ${installPhaseCommand}
          [ -z "$doInstallCargoArtifacts" ] || installCargoArtifacts
          runHook postInstall
        '';
      }
    );

  vendorCargoDeps =
    args:
    pkgs.callPackage ./vendor.nix {
      cargoLock = args.cargoLock or (args.src + "/Cargo.lock");
    };
in
{
  inherit mkCargoDerivation vendorCargoDeps;

  # What cargo needs of a tree: its own files and Rust sources.
  filterCargoSources =
    path: type:
    let
      name = baseNameOf path;
    in
    type == "directory"
    || lib.hasSuffix ".rs" name
    || lib.hasSuffix ".toml" name
    || name == "Cargo.lock";

  # The dependencies alone, over the manifests and empty sources, so that a
  # change of our code does not build them again.
  buildDepsOnly =
    args:
    mkCargoDerivation (
      without [ "cargoExtraArgs" "cargoCheckExtraArgs" ] args
      // {
        pnameSuffix = "-deps";
        cargoArtifacts = null;
        src = lib.cleanSourceWith {
          inherit (args) src;
          filter =
            path: type:
            type == "directory" || baseNameOf path == "Cargo.toml" || baseNameOf path == "Cargo.lock";
        };
        postUnpack = ''
          source ${./cargo.sh}
          stubSources
          ${args.postUnpack or ""}
        '';
        buildPhaseCargoCommand =
          args.buildPhaseCargoCommand or (
            if args.doCheck or true then
              ''
                cargoWithProfile check ${args.cargoExtraArgs or "--locked"} ${args.cargoCheckExtraArgs or "--all-targets"}
                cargoWithProfile test ${args.cargoExtraArgs or "--locked"} --no-run
              ''
            else
              "cargoWithProfile build ${args.cargoExtraArgs or "--locked"}"
          );
        doCheck = false;
        doInstallCargoArtifacts = true;
      }
    );

  buildPackage = cargoCommand "" "cargoWithProfile build" { };
  cargoDoc = cargoCommand "doc" "cargoWithProfile doc" { cargoDocExtraArgs = "--no-deps"; };
  cargoClippy =
    args:
    cargoCommand "clippy" "cargoWithProfile clippy" { cargoClippyExtraArgs = "--all-targets"; } (
      args // { nativeBuildInputs = (args.nativeBuildInputs or [ ]) ++ [ pkgs.clippy ]; }
    );
  cargoFmt =
    args:
    mkCargoDerivation (
      without [ "cargoExtraArgs" "rustFmtExtraArgs" ] args
      // {
        pnameSuffix = "-fmt";
        cargoArtifacts = null;
        cargoVendorDir = null;
        doInstallCargoArtifacts = false;
        buildPhaseCargoCommand = "cargo fmt --all ${args.cargoExtraArgs or ""} -- --check ${args.rustFmtExtraArgs or ""}";
        nativeBuildInputs = (args.nativeBuildInputs or [ ]) ++ [ pkgs.rustfmt ];
      }
    );

  # cargo-deny is no part of a Rust tool chain nor of the distribution, and
  # takes longer to build than all the rest.
  cargoDeny =
    args:
    pkgs.runCommand "${args.pname}-deny" { } ''
      mkdir $out
      echo 'cargo-deny is not in the distribution' > $out/skipped
    '';
}
