# The pinned Debian packages of base-debian/lock.json, by set:
# { base, tools, firmware, boot } -> [ { name, version, sha256, url, src } ]
{ fetchurl }:
let
  lock = builtins.fromJSON (builtins.readFile ./base-debian/lock.json);

  # A mirror keeps a package until the next point release replaces it, the snapshot archive
  # for good. The second address follows its documented form; the builds that made this
  # file reached mirrors only, so it has not been tried.
  snapshot = "https://snapshot.debian.org/archive/debian/${lock.snapshot}/";

  fetch =
    {
      name,
      version,
      sha256,
      size,
      path,
    }:
    rec {
      inherit name version sha256;
      url = "mirror://debian/${path}";
      src = fetchurl {
        # File names may hold `~`, which a store path may not.
        name = "${builtins.replaceStrings [ ":" "~" ] [ "." "." ] "${name}-${version}"}.deb";
        urls = [
          url
          (snapshot + path)
        ];
        inherit sha256;
      };
    };
in
builtins.mapAttrs (set: map fetch) lock.sets
// {
  inherit (lock) release;
  # The one time of every file in what is built from these packages: the release's own.
  epoch = toString lock.date;
}
