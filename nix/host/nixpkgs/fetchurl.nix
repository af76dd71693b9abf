# A file by its hash, from the first address that has it. `mirror://NAME/`
# stands for the mirrors that the distribution itself is set up with.
{
  lib,
  curl,
  mirrors,
  stdenvNoCC,
}:
{
  url ? null,
  urls ? [ url ],
  name ? baseNameOf (builtins.head urls),
  hash ? null,
  sha256 ? null,
}:
let
  resolve =
    address:
    let
      parts = builtins.match "mirror://([a-z]+)/(.*)" address;
      mirror = builtins.head parts;
    in
    if parts == null then
      [ address ]
    else
      map (base: "${base}/${builtins.elemAt parts 1}") (mirrors.${mirror} or [ ]);
in
stdenvNoCC.mkDerivation {
  inherit name;
  nativeBuildInputs = [ curl ];
  addresses = lib.concatMap resolve urls;
  outputHashMode = "flat";
  outputHashAlgo = if hash == null then "sha256" else null;
  outputHash = if hash == null then sha256 else hash;
  impureEnvVars = [
    "http_proxy"
    "https_proxy"
    "no_proxy"
    "SSL_CERT_FILE"
  ];
  buildCommand = ''
    for address in $addresses; do
      echo "fetching $address"
      if curl --fail --silent --show-error --location --retry 3 --connect-timeout 20 --output "$out" "$address"; then
        exit 0
      fi
    done
    echo "no address has ${name}" >&2
    exit 1
  '';
}
