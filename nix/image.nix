# The rescue image: a base with our module, our configuration scope and our
# options on every boot entry. `lib.mkRescueImage` of the flake.
{
  runCommand,
  writeText,
  imageTools,
  jq,
  srm,
  base-systemrescue,
  version,
}:
{
  # What to build on: a derivation with base.iso and base.json.
  base ? base-systemrescue,
  # Added to sysrescue.d/300-asl.yaml: `{ asl.mode = "remote"; … }`, and any
  # other scope of SystemRescue.
  settings ? { },
  # Further modules to lay over the base: derivations with one `NAME.srm` each. The first in the
  # order of names wins, and ours comes first: their names sort after `00-asl.srm`.
  modules ? [ ],
}:
let
  # JSON is YAML. `asl.image.version` tells preflight that its scope has arrived.
  yaml = writeText "300-asl.yaml" (
    builtins.toJSON (
      settings
      // {
        global = { loadsrm = true; } // settings.global or { };
        asl = { image = { inherit version; }; } // settings.asl or { };
      }
    )
  );
in
runCommand "asl-rescue-${base.name}-${version}"
  {
    nativeBuildInputs = [
      imageTools
      jq
    ];
    inherit base srm version yaml modules;
    # One time for what is added; that of the base's files stays.
    epoch = "946684800"; # 2000-01-01
    # Nothing may write before the operator said so: mdadm and LVM assemble by
    # themselves at boot unless told not to, and an md array that starts
    # otherwise starts read-only.
    options = "loadsrm nomdlvm md_mod.start_ro=1";
    passthru = {
      inherit base;
      pins = base.pins;
    };
  }
  ''
    source ${./image.sh}
  ''
