# What the Debian base's initramfs needs of us. Its source is its crate and the
# workspace's two files, so that a change elsewhere leaves the base as it is.
{ lib, buildCrates }:
buildCrates {
  pname = "sysrescue-config";
  src = lib.cleanSourceWith {
    src = ../rust;
    name = "source";
    filter =
      path: _:
      let
        relative = lib.removePrefix (toString ../rust + "/") (toString path);
      in
      builtins.match "Cargo\\.(toml|lock)|sysrescue-config(/.*)?" relative != null;
  };
  # The other members are not here. Without them cargo has to shorten the lock
  # file, which --locked refuses; the versions in it stay, and nothing else is
  # vendored.
  postUnpack = ''
    sed -i -z 's/members *= *\[[^]]*\]/members = ["sysrescue-config"]/' $sourceRoot/Cargo.toml
  '';
  cargoExtraArgs = "--package sysrescue-config";
  install = ''
    mkdir -p $out/bin
    cp $release/sysrescue-config $out/bin/
  '';
}
