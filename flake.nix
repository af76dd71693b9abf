{
  description = "asl-rescue: a SystemRescue-compatible image that finds a machine's ASL store without writing to a disk";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    crane.url = "github:ipetkov/crane";
  };

  outputs = inputs: import ./nix inputs;
}
