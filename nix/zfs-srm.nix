# 10-zfs.srm: the modules and tools of ZFS for the Debian base, which has neither. A module of
# its own for `modules` of mkRescueImage: what it holds is no part of the overlay.
# Two steps, so that a change of what lies around the modules does not compile them again.
#
# Nothing in it imports a pool by itself: no units, no udev rules, no cache file, no host id.
# The modules carry no signature: with Secure Boot the kernel refuses them.
{
  runCommand,
  callPackage,
  dpkg,
  imageTools,
  base-debian,
  debs ? callPackage ./debs.nix { },
}:
let
  sources = map (deb: deb.src);
  # The release of the kernel that a package is of, as `uname -r` says it, and its version.
  kernelOf =
    pattern: set:
    let
      deb = builtins.head (builtins.filter (deb: builtins.match pattern deb.name != null) set);
    in
    {
      release = builtins.head (builtins.match pattern deb.name);
      inherit (deb) version;
    };
  kernel = kernelOf "linux-image-([0-9].*)" debs.base;
  headers = kernelOf "linux-headers-([0-9].*-amd64)" debs.zfs;

  modules =
    if kernel != headers then
      throw "lock.json: kernel ${kernel.release} ${kernel.version} of the set base, headers ${headers.release} ${headers.version} of the set zfs: resolve both anew (nix/dev resolve)"
    else
      runCommand "zfs-modules-${kernel.release}"
        {
          debs = sources debs.zfs;
          inherit (kernel) release;
          nativeBuildInputs = [ dpkg ];
        }
        ''
          bash ${./zfs-modules.sh}
        '';
in
runCommand "zfs-srm"
  {
    inherit modules;
    inherit (kernel) release;
    inherit (base-debian) root;
    debs = sources (builtins.filter (deb: builtins.match ".*/zfs-linux/.*" deb.url != null) debs.zfs);
    # Older than the base, as 00-asl.srm: see srm.nix.
    time = "946684800"; # 2000-01-01
    nativeBuildInputs = [
      dpkg
      imageTools
    ];
    passthru = {
      inherit modules;
      pins = map (deb: removeAttrs deb [ "src" ]) debs.zfs;
    };
  }
  ''
    bash ${./zfs-srm.sh}
  ''
