# A small rescue system on Debian, with SystemRescue's boot contract: $out/base.iso boots
# through BIOS and UEFI, with Secure Boot on too; $out/base.json says what is in it.
# Three steps, so that a change of the start does not compress the root again.
{
  lib,
  runCommand,
  writeText,
  callPackage,
  dpkg,
  imageTools,
  sysrescue-config,
  debs ? callPackage ./debs.nix { },
}:
let
  sources = map (deb: deb.src);
  # The package of that name, or whose name begins so.
  named = prefix: (builtins.head (builtins.filter (deb: lib.hasPrefix prefix deb.name) debs.base)).src;

  common = {
    nativeBuildInputs = [
      dpkg
      imageTools
    ];
    inherit (debs) release epoch;
  };

  root =
    runCommand "base-debian-root"
      (
        common
        // {
          debs = sources debs.base;
          config = ./base-debian/root;
          links = ./base-debian/root.links;
          owners = ./base-debian/root.owners;
          prune = ./base-debian/root.prune;
        }
      )
      ''
        bash ${./base-debian/build-root.sh}
      '';

  initrd =
    runCommand "base-debian-initrd"
      (
        common
        // {
          kernel = named "linux-image-6";
          busybox = named "busybox-static";
          initramfs = ./base-debian/initramfs;
          sysrescue_config = "${sysrescue-config}/bin/sysrescue-config";
        }
      )
      ''
        bash ${./base-debian/build-initramfs.sh}
      '';

  packages = writeText "packages" (
    lib.concatMapStringsSep "" (deb: "${deb.name} ${deb.version}\n") debs.base
  );
in
runCommand "base-debian-${debs.release}"
  (
    common
    // {
      inherit root initrd packages;
      boot = sources debs.boot;
      medium = ./base-debian/medium;
      passthru = {
        name = "debian";
        version = debs.release;
        inherit root initrd;
        pins = map (deb: removeAttrs deb [ "src" ]) (debs.base ++ debs.boot);
      };
    }
  )
  ''
    bash ${./base-debian/build-iso.sh}
  ''
