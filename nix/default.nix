# The outputs of the flake, from its inputs. Every artifact is one file here,
# called with what it names.
{
  self,
  nixpkgs,
  crane,
}:
let
  inherit (nixpkgs) lib;
  system = "x86_64-linux";
  pkgs = nixpkgs.legacyPackages.${system};

  scope =
    pkgs
    // rec {
      craneLib = crane.mkLib pkgs;
      inherit lib;
      callPackage = lib.callPackageWith scope;
      # The version of the overlay; everything that tells it reads it here.
      version = (builtins.fromTOML (builtins.readFile ../rust/Cargo.toml)).workspace.package.version;
      layout = (builtins.fromTOML (builtins.readFile ./overlay.toml)).entries;
      rustSource = lib.cleanSourceWith {
        src = ../rust;
        name = "source";
        filter =
          path: type:
          # The fuzz targets are a workspace of their own, for another way to build.
          !(builtins.elem (baseNameOf path) [ "target" "fuzz" ])
          && (craneLib.filterCargoSources path type || builtins.match ".*\\.(h|c|sh|varlink|json|xz)" path != null);
      };
    }
    // artifacts;

  artifacts = lib.mapAttrs (_: file: scope.callPackage file { }) {
    buildCrates = ./rust.nix;
    asl = ./package.nix;
    sysrescue-config = ./sysrescue-config.nix;
    libasl = ./libasl.nix;
    overlay = ./overlay.nix;
    srm = ./srm.nix;
    imageTools = ./image-tools.nix;
    oracleTools = ./oracle-tools.nix;
    firmware = ./firmware.nix;
    base-debian = ./base-debian.nix;
    base-systemrescue = ./base-systemrescue.nix;
    mkRescueImage = ./image.nix;
    zfs-srm = ./zfs-srm.nix;
  };

  images = {
    image = scope.mkRescueImage { base = scope.base-systemrescue; };
    image-debian = scope.mkRescueImage { base = scope.base-debian; };
  };

  # The Debian base again, with ZFS, which it lacks.
  image-zfs = scope.mkRescueImage {
    base = scope.base-debian;
    modules = [ scope.zfs-srm ];
  };

  packages =
    images
    // {
      inherit (artifacts)
        asl
        libasl
        overlay
        srm
        base-debian
        zfs-srm
        ;
      inherit (artifacts) oracleTools;
      bench = scope.callPackage ./bench.nix { };
      default = images.image;
      manifest = scope.callPackage ./manifest.nix {
        inherit self nixpkgs crane;
        image = images.image-debian;
      };
    };

  # Without the functions that callPackage adds.
  derivations =
    set:
    removeAttrs set [
      "override"
      "overrideDerivation"
    ];

  checks = derivations (scope.callPackage ./checks.nix { inherit (images) image-debian; });
in
{
  packages.${system} = packages;
  checks.${system} = checks;
  # What takes too long for every check: `nix/dev check --long`.
  legacyPackages.${system}.long =
    let
      tests =
        source: image:
        derivations (
          scope.callPackage ./vm-tests.nix {
            inherit image source;
            fixtures = checks.vm-fixtures;
          }
        );
      plain = tests ../tests/long images.image-debian;
      zfs = tests ../tests/zfs image-zfs;
      same = builtins.attrNames (builtins.intersectAttrs plain zfs);
    in
    if same != [ ] then
      throw "tests/long and tests/zfs both have ${builtins.toString same}"
    else
      plain // zfs;
  lib.mkRescueImage = artifacts.mkRescueImage;
  devShells.${system}.default = scope.callPackage ./shell.nix { };
  formatter.${system} = pkgs.nixfmt-tree or pkgs.nixfmt;
  apps.${system}.default = {
    type = "app";
    program = "${artifacts.asl}/bin/asl-admin";
    meta.description = "Says what storage a machine has and where its ASL store is";
  };
}
