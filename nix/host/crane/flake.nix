{
  description = "The names of crane that asl-rescue uses, for a host without it";

  outputs =
    { self }:
    {
      mkLib = pkgs: import ./lib.nix { inherit pkgs; };
    };
}
