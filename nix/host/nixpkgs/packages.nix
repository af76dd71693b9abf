# Packages of the distribution under their names in nixpkgs, and the few
# builders that the flake calls.
{ lib, tools }:
let
  inherit (tools) packages;

  # One package: links to the commands of a distribution package. Its version
  # is in the name, so what is built with it changes when it does.
  hostPackage =
    pname:
    let
      package = packages.${pname} or (throw "tools.json knows no ${pname}: run nix/dev again");
    in
    builtins.derivation {
      name = "${pname}-${package.version}";
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [
        "-c"
        ''
          ${packages.coreutils.prefix}/mkdir -p $out/bin
          ${packages.coreutils.prefix}/ln -s $commands $out/bin/
        ''
      ];
      commands = package.commands;
    }
    // {
      inherit (package) version;
      inherit pname;
    };

  stdenvNoCC = import ./stdenv.nix {
    inherit lib;
    shell = packages.bash.shell;
    initialPath = map hostPackage [
      "bash"
      "coreutils"
      "diffutils"
      "findutils"
      "gawk"
      "gnugrep"
      "gnused"
      "gnutar"
      "gzip"
      "xz"
      "zstd"
    ];
  };
  stdenv = stdenvNoCC // {
    mkDerivation =
      args:
      stdenvNoCC.mkDerivation (
        args // { nativeBuildInputs = (args.nativeBuildInputs or [ ]) ++ [ self.gcc self.binutils ]; }
      );
  };

  self = lib.genAttrs (builtins.attrNames packages) hostPackage // rec {
    inherit lib stdenv stdenvNoCC;
    inherit (stdenvNoCC) runCommand writeText;
    callPackage = lib.callPackageWith self;
    fetchurl = callPackage ./fetchurl.nix { inherit (tools) mirrors; };
    mkShell = args: stdenvNoCC.runCommand "shell" { nativeBuildInputs = args.packages or [ ]; } "touch $out";
    testers = callPackage ./testers.nix { };
    # The distribution's static libraries lie where its compiler looks.
    glibc.static = null;
  };
in
self
