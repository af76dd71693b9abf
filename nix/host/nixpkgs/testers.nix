# testers.runNixOSTest for tests that start their own machines: the small
# driver in test-driver/ in place of nixos-test-driver.
{
  lib,
  runCommand,
  writeText,
  python3,
  qemu,
}:
let
  # What a test may set here; anything else would silently mean nothing.
  known = {
    name = null;
    nodes = { };
    testScript = null;
    globalTimeout = 3600;
    skipTypeCheck = false;
    skipLint = false;
    requiredFeatures = { };
  };

  # A module that looks before it sets an option finds every known one.
  merge =
    test:
    builtins.foldl' (all: module: all // (module { options = known; }).config) (removeAttrs test [ "imports" ]) (
      test.imports or [ ]
    );
in
{
  runNixOSTest =
    module:
    let
      given = merge module;
      unknown = builtins.attrNames (removeAttrs given (builtins.attrNames known));
      test =
        if unknown != [ ] then
          throw "runNixOSTest: the stand-in knows no ${toString unknown}"
        else if given.nodes != { } then
          throw "runNixOSTest: the stand-in builds no NixOS nodes"
        else
          known // given;
    in
    runCommand "vm-test-run-${test.name}"
      {
        nativeBuildInputs = [
          python3
          qemu
        ];
      }
      ''
        mkdir $out
        # -B: the driver lies in the store, where nothing may be written.
        python3 -B ${./test-driver} -o $out --global-timeout ${toString test.globalTimeout} \
          ${writeText "${test.name}.py" test.testScript}
      '';
}
