# libasl.so and asl.h. A derivation of its own: with +crt-static, cargo
# silently drops the cdylib.
{ buildCrates }:
buildCrates {
  pname = "libasl";
  static = false;
  cargoExtraArgs = "--locked --package libasl";
  # On the target the loader finds libc where it always does: nixpkgs' linker
  # must add no directory, neither those of what it linked with nor our own.
  NIX_DONT_SET_RPATH = "1";
  NIX_NO_SELF_RPATH = "1";
  dontPatchELF = true;
  install = ''
    mkdir -p $out/lib $out/include
    cp $release/libasl.so $out/lib/
    cp libasl/include/asl.h $out/include/
  '';
}
