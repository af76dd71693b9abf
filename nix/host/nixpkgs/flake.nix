{
  description = "The names of nixpkgs that asl-rescue uses, made of the distribution's tools";

  # tools.json names every tool by its absolute path and version; `nix/dev`
  # writes it, because a builder sees neither PATH nor HOME.
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
    in
    {
      inherit lib;
      legacyPackages.x86_64-linux = import ./packages.nix {
        inherit lib;
        tools = lib.importJSON ./tools.json;
      };
    };
}
