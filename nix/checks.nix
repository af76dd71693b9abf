# Every check of the flake: what cargo can say of the sources, what holds of
# the artifacts, and the machines that boot.
#
# A failed derivation has no output, so each check that passes leaves
# $out/result.json: { suite, passed, failed, skipped: [{ name, reason }] }.
{
  lib,
  callPackage,
  runCommand,
  craneLib,
  jq,
  python3,
  shellcheck,
  binutils,
  util-linux,
  xz,
  stdenv,
  imageTools,
  oracleTools,
  rustSource,
  asl,
  libasl,
  overlay,
  srm,
  layout,
  version,
  image-debian,
}:
let
  # The tests read the overlay's shipped files and the situations.
  source = lib.cleanSourceWith {
    src = ../.;
    name = "source";
    filter =
      path: type:
      let
        relative = lib.removePrefix (toString ../. + "/") (toString path);
        below = directory: relative == directory || lib.hasPrefix "${directory}/" relative;
      in
      !(builtins.elem (baseNameOf path) [ "target" "corpus" "seeds" "artifacts" ]) && (below "rust" || below "overlay" || relative == "tests" || below "tests/decide");
  };

  cargo = {
    pname = "asl-rescue";
    inherit version;
    src = rustSource;
    strictDeps = true;
    env.CARGO_PROFILE = "dev";
    nativeBuildInputs = [
      binutils
      util-linux
      jq
      xz
    ];
  };
  cargoArtifacts = craneLib.buildDepsOnly cargo;
  overDeps = cargo // {
    inherit cargoArtifacts;
    doInstallCargoArtifacts = false;
  };

  # A check whose builder ends well or not at all counts as one.
  one =
    suite: drv:
    runCommand "check-${suite}" { nativeBuildInputs = [ jq ]; } ''
      mkdir $out
      # A tool chain without the tool says so in a file in place of a result.
      if [ -e ${drv}/skipped ]; then
        jq -n --arg suite ${suite} --arg reason "$(cat ${drv}/skipped)" \
          '{ $suite, passed: 0, failed: 0, skipped: [{ name: $suite, $reason }] }' > $out/result.json
      else
        jq -n --arg suite ${suite} '{ $suite, passed: 1, failed: 0, skipped: [] }' > $out/result.json
      fi
    '';

  # The same sources built as another machine would: other time zone, umask,
  # job count and name of the build directory, sources in another order.
  varied =
    drv:
    drv.overrideAttrs (previous: {
      name = "varied-${drv.name}";
      TZ = "Pacific/Chatham";
      LANG = "tr_TR.UTF-8";
      preConfigure = (previous.preConfigure or "") + otherwise;
    } // lib.optionalAttrs (previous ? buildCommand) {
      buildCommand = otherwise + previous.buildCommand;
    });
  otherwise = ''
    umask 077
    export NIX_BUILD_CORES=1 CARGO_BUILD_JOBS=1
  '';
in
{
  fmt = one "fmt" (
    craneLib.cargoFmt {
      inherit (cargo) pname version src;
    }
  );
  clippy = one "clippy" (
    craneLib.cargoClippy (
      overDeps
      // {
        cargoExtraArgs = "--locked --workspace";
        cargoClippyExtraArgs = "--all-targets -- --deny warnings";
      }
    )
  );
  doc = one "doc" (
    craneLib.cargoDoc (
      overDeps
      // {
        cargoExtraArgs = "--locked --workspace";
        env = cargo.env // {
          RUSTDOCFLAGS = "--deny warnings";
        };
      }
    )
  );

  deny = one "deny" (
    craneLib.cargoDeny {
      inherit (cargo) pname version src;
    }
  );

  tests = craneLib.mkCargoDerivation (
    overDeps
    // {
      pnameSuffix = "-tests";
      src = source;
      cargoLock = ../rust/Cargo.lock;
      cargoVendorDir = craneLib.vendorCargoDeps { src = rustSource; };
      nativeBuildInputs = [ oracleTools ] ++ cargo.nativeBuildInputs;
      # A test looks at the library as it is linked: see libasl.nix.
      env = cargo.env // {
        NIX_DONT_SET_RPATH = "1";
        NIX_NO_SELF_RPATH = "1";
      };
      postUnpack = ''
        cd $sourceRoot/rust
        sourceRoot=.
      '';
      buildPhaseCargoCommand = ''
        set -o pipefail
        # Tests that need root and loop devices are marked; a sandbox has neither.
        if [ "$(id -u)" = 0 ] && [ -w /dev/loop-control ]; then devices=--include-ignored; fi
        cargoWithProfile test --locked --workspace --no-fail-fast -- ''${devices:-} 2>&1 | tee tests.log
      '';
      installPhaseCommand = ''
        mkdir -p $out
        bash ${./check-cargo-tests.sh} tests.log > $out/result.json
      '';
    }
  );

  layout = runCommand "check-layout"
    {
      nativeBuildInputs = [
        python3
        imageTools
        binutils
      ];
      table = builtins.toJSON layout;
      passAsFile = [ "table" ];
    }
    ''
      mkdir $out
      cp -r --no-preserve=mode ${../tests/layout} layout && cd layout
      python3 -m unittest --quiet test_layout
      unsquashfs -lln -d "" ${srm}/00-asl.srm > listing
      python3 layout.py record --version ${version} --listing listing --asl ${asl} --overlay ${overlay} \
        --soname "$(objdump -p ${libasl}/lib/libasl.so | sed -n 's/^ *SONAME *//p')" > now.json
      python3 layout.py check --specification specification.txt --table $tablePath --record now.json --history . \
        --result $out/result.json
    '';

  driver = runCommand "check-driver" { nativeBuildInputs = [ python3 jq ]; } ''
    mkdir $out
    cd ${lib.cleanSourceWith { src = ../tests/driver; name = "driver"; }}
    python3 -B -m unittest --quiet
    jq -n --argjson passed "$(grep -c 'def test_' test_*.py)" '{ suite: "driver", $passed, failed: 0, skipped: [] }' > $out/result.json
  '';

  binaries = runCommand "check-binaries" { nativeBuildInputs = [ binutils jq ]; } ''
    mkdir $out
    bash ${./check-binaries.sh} ${asl} ${libasl} ${version} > $out/result.json
  '';

  reproducible = runCommand "check-reproducible" { nativeBuildInputs = [ jq ]; } ''
    mkdir $out
    passed=0
    compare() {
      diff --recursive --brief "$1" "$2"
      passed=$((passed + 1))
    }
    compare ${asl} ${varied asl}
    compare ${libasl} ${varied libasl}
    compare ${srm} ${varied srm}
    compare ${image-debian} ${varied image-debian}
    compare ${image-debian.base} ${varied image-debian.base}
    jq -n --argjson passed $passed --arg sha256 "$(cat ${image-debian}/*.iso | sha256sum | cut -c -64)" \
      '{ suite: "reproducible", $passed, failed: 0, skipped: [], $sha256 }' > $out/result.json
  '';

  scripts = runCommand "check-scripts" { nativeBuildInputs = [ shellcheck jq ]; } ''
    mkdir $out
    mkdir tree && cd tree
    cp -r ${lib.cleanSourceWith { src = ./.; name = "nix"; }} nix
    cp -r ${lib.cleanSourceWith { src = ../tests; name = "tests"; }} tests
    files=$(grep -rlE '^(#!.*(bash|/bin/sh)|# shellcheck shell=)' . | grep -v '\.nix$' | sort)
    shellcheck --external-sources $files
    jq -n --argjson passed "$(wc -w <<< "$files")" \
      '{ suite: "scripts", $passed, failed: 0, skipped: [] }' > $out/result.json
  '';
}
// callPackage ./check-image.nix { }
// callPackage ./vm-tests.nix { image = image-debian; }
