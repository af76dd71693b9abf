# Names every tool of this host for the stand-ins: absolute paths and the
# version of the package that owns them, as JSON on standard output.
# shellcheck shell=bash

# Name in nixpkgs, the distribution's packages, commands that no package lists
# (alternatives are links made at installation).
host_packages='
bash         bash
binutils     binutils-x86-64-linux-gnu,binutils
coreutils    coreutils
curl         curl
diffutils    diffutils
dpkg         dpkg
findutils    findutils
gawk         mawk                             /usr/bin/awk
gcc          gcc-12,cpp-12,gcc,cpp,libc6-dev  /usr/bin/cc
gnugrep      grep
gnused       sed
gnutar       tar
gzip         gzip
jq           jq
python3      python3-minimal,python3.11-minimal,libpython3.11-stdlib
qemu         qemu-system-x86,qemu-utils
xz           xz-utils
zstd         zstd
util-linux   util-linux,mount
shellcheck   shellcheck
'

# The packages that must be installed, a line each.
host_debs() {
  awk 'NF { print $2 }' <<< "$host_packages" | tr , '\n'
  printf '%s\n' nix-bin git ca-certificates
}

# The missing ones of them.
host_missing() {
  local deb system
  for deb in $(host_debs); do
    dpkg-query -W -f '${db:Status-Abbrev}' "$deb" 2>/dev/null | grep -q '^.i' || echo "$deb"
  done
  # Two packages of one QEMU: their versions go together.
  system=$(dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null) || return 0
  [ "$(dpkg-query -W -f '${Version}' qemu-utils 2>/dev/null)" = "$system" ] || echo qemu-utils
}

host_tools_json() {
  local name debs extra sysroot
  sysroot=$(rustc --print sysroot)
  {
    while read -r name debs extra; do
      [ -n "$name" ] || continue
      # shellcheck disable=SC2086
      jq -n --arg name "$name" \
        --arg version "$(dpkg-query -W -f '${Version}_' ${debs//,/ } | tr -c '[:alnum:].+\n' _ | sed 's/_*$//')" \
        --arg commands "$( { dpkg -L ${debs//,/ } | grep -E '^(/usr)?/s?bin/[^/]+$'; printf '%s\n' $extra; } | sort -u | while read -r command; do [ -x "$command" ] && echo "$command"; done)" \
        '{ packages: { ($name): { version: $version, commands: ($commands | split("\n") | unique_by(split("/")[-1])) } } }'
    done <<< "$host_packages"
    for name in cargo rustc clippy rustfmt; do
      case $name in
        cargo) debs='cargo' ;;
        rustc) debs='rustc rustdoc' ;;
        clippy) debs='cargo-clippy clippy-driver' ;;
        rustfmt) debs='rustfmt cargo-fmt' ;;
      esac
      jq -n --arg name "$name" --arg version "$("$sysroot/bin/rustc" --version | cut -d ' ' -f 2)" \
        --arg commands "$(for command in $debs; do echo "$sysroot/bin/$command"; done)" \
        '{ packages: { ($name): { version: $version, commands: ($commands | split("\n")) } } }'
    done
    # shellcheck disable=SC2016 # apt expands it
    apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' | sed 's,/*$,,' | sort -u |
      jq -R . | jq -s '{ mirrors: { debian: . } }'
  } | jq --sort-keys -s 'reduce .[] as $part ({}; . * $part)
      | .packages.bash.shell = "/bin/bash" | .packages.coreutils.prefix = "/usr/bin"'
}
