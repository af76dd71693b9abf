# The tree of the specification: static files, the programs, the library, and
# from the table the directories and links.
{
  lib,
  runCommand,
  asl,
  libasl,
  layout,
}:
let
  ofType = type: lib.filterAttrs (_: entry: entry.type == type) layout;
  static = lib.cleanSourceWith {
    src = ../overlay;
    name = "overlay-static";
  };
in
runCommand "asl-overlay" { } ''
  mkdir $out && cd $out
  mkdir -p ${lib.escapeShellArgs (builtins.attrNames (ofType "dir"))}
  cp -r --no-preserve=mode,ownership ${static}/. .
  cp ${asl}/bin/asl-{admin,debug,intake} usr/local/bin/
  cp -r --no-preserve=mode,ownership ${asl}/share/. usr/local/share
  cp ${libasl}/lib/libasl.so usr/local/lib/
  ${lib.concatStrings (
    lib.mapAttrsToList (path: entry: "ln -s ${entry.target} ${path}\n") (ofType "link")
  )}
  if grep -r --binary-files=text --only-matching --max-count=1 '/nix/store/[0-9a-z]\{32\}[^"]*' .; then
    echo "the overlay must not name the build host's store" >&2
    exit 1
  fi
''
