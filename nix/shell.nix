# What working on the sources takes.
{
  mkShell,
  cargo,
  clippy,
  rustc,
  rustfmt,
  qemu,
  jq,
}:
mkShell {
  packages = [
    cargo
    clippy
    rustc
    rustfmt
    qemu
    jq
  ];
}
