# A small mkDerivation: phases of the names that nixpkgs gives them, run by
# setup.sh.
{
  lib,
  shell,
  initialPath,
}:
let
  clean =
    args:
    removeAttrs args [
      "meta"
      "passthru"
      "pname"
      "version"
      "strictDeps"
      "env"
    ];

  mkDerivation =
    args:
    let
      drv = builtins.derivation (
        clean args
        // args.env or { }
        // lib.filterAttrs (_: value: value != null) {
          pname = args.pname or null;
          version = args.version or null;
        }
        // {
          name = args.name or "${args.pname}-${args.version}";
          system = "x86_64-linux";
          builder = shell;
          args = [ ./setup.sh ];
          inherit initialPath;
          nativeBuildInputs = (args.nativeBuildInputs or [ ]) ++ (args.buildInputs or [ ]);
        }
      );
    in
    drv
    // (args.passthru or { })
    // {
      meta = args.meta or { };
      passthru = args.passthru or { };
      overrideAttrs = change: mkDerivation (args // change args);
    }
    // lib.filterAttrs (name: _: name == "pname" || name == "version") args;
in
rec {
  inherit mkDerivation shell;
  runCommand =
    name: env: buildCommand:
    mkDerivation ({ inherit name buildCommand; } // env);
  writeText =
    name: text:
    mkDerivation {
      inherit name text;
      passAsFile = [ "text" ];
      buildCommand = ''cp "$textPath" "$out"'';
    };
}
