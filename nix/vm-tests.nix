# vm-NAME for everything in a directory of scenarios: boots the unmodified image against
# real stores. A file NAME.py boots by itself and may attach the disks that the
# scenario `fixtures` made; a directory NAME holds situations that share the
# boot of its group.py and make their own disks.
{
  lib,
  testers,
  firmware,
  imageTools,
  oracleTools,
  image,
  source ? ../tests/scenarios,
  # The check whose result are disks; the scenarios here may hold it.
  fixtures ? null,
}:
let
  # One directory for each, so that a change rebuilds only what it touches.
  pick =
    name: src:
    lib.cleanSourceWith {
      inherit name src;
      filter = path: _: !lib.hasSuffix "__pycache__" path;
    };
  library = pick "asl-vm" ../tests/driver;

  test =
    name: script: artifacts:
    testers.runNixOSTest {
      inherit name;
      nodes = { };
      globalTimeout = 1800;
      # The checker does not see our library; CI checks that by itself.
      skipTypeCheck = true;
      # Without /dev/kvm the library falls back to emulation. Only newer
      # drivers have the option, the older ones always ask for KVM.
      imports = [
        (
          { options, ... }:
          {
            # Under `config`: a module whose own names depend on the options recurses for ever.
            config = lib.optionalAttrs (options ? requiredFeatures) { requiredFeatures.kvm = false; };
          }
        )
      ];
      testScript = ''
        import sys

        sys.path.insert(0, "${library}")
        from asl_vm import Lab

        lab = Lab(
            create_machine,
            '${
              builtins.toJSON (
                {
                  suite = "vm-${name}";
                  image = "${image}";
                  firmware = "${firmware}";
                  imageTools = "${imageTools}";
                  oracleTools = "${oracleTools}";
                }
                // artifacts
              )
            }',
        )

        ${builtins.readFile script}
        lab.finish()
      '';
    };

  scenario =
    entry: type:
    let
      name = lib.removeSuffix ".py" entry;
      situations = pick name (source + "/${entry}");
    in
    lib.nameValuePair "vm-${name}" (
      test name (source + (if type == "directory" then "/${entry}/group.py" else "/${entry}")) (
        lib.optionalAttrs (type == "directory") { situations = "${situations}"; }
        // lib.optionalAttrs (name != "fixtures" && disks != null) { fixtures = "${disks}"; }
      )
    );

  disks = tests.vm-fixtures or fixtures;

  tests = lib.mapAttrs' scenario (
    lib.filterAttrs (entry: type: type == "directory" || lib.hasSuffix ".py" entry) (
      builtins.readDir source
    )
  );
in
tests
