# UEFI firmware for the test machines, from the pinned Debian package: with Secure Boot
# off and on, each with its own empty variable store. The store of the latter holds the
# keys that most machines ship with, which is what the signed loaders are signed for.
{
  runCommand,
  callPackage,
  dpkg,
  debs ? callPackage ./debs.nix { },
}:
runCommand "uefi-firmware"
  {
    deb = map (deb: deb.src) debs.firmware;
    nativeBuildInputs = [ dpkg ];
    passthru.pins = map (deb: removeAttrs deb [ "src" ]) debs.firmware;
  }
  ''
    mkdir -p "$out" root
    dpkg-deb --fsys-tarfile $deb | tar -x -C root --no-same-permissions --no-same-owner
    from=root/usr/share/OVMF
    cp -L $from/OVMF_CODE_4M.fd "$out/OVMF_CODE.fd"
    cp -L $from/OVMF_VARS_4M.fd "$out/OVMF_VARS.fd"
    cp -L $from/OVMF_CODE_4M.secboot.fd "$out/OVMF_CODE.secboot.fd"
    cp -L $from/OVMF_VARS_4M.ms.fd "$out/OVMF_VARS.ms.fd"
  ''
