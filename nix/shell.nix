# What working on the sources takes.
{
  mkShell,
  cargo,
  clippy,
  rustc,
  rustfmt,
  qemu,
  jq,
  lib,
  # The stand-ins have none.
  cargo-mutants ? null,
}:
mkShell {
  packages = [
    cargo
    clippy
    rustc
    rustfmt
    qemu
    jq
  ]
  ++ lib.optional (cargo-mutants != null) cargo-mutants;
}
