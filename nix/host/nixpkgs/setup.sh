# Runs a derivation's phases, as nixpkgs' generic builder does for the names
# used here: unpack, patch, configure, build, check, install, fixup.
# shellcheck shell=bash
set -eu -o pipefail
: "${initialPath:?}" "${nativeBuildInputs=}"
shopt -s nullglob

export PATH=""
for package in $nativeBuildInputs $initialPath; do
  PATH="${PATH:+$PATH:}$package/bin"
done
export HOME=/homeless-shelter
export SOURCE_DATE_EPOCH=315532800 # 1980, as in nixpkgs: zip knows no earlier
export NIX_BUILD_CORES
umask 022

runHook() {
  local hook="${!1:-}"
  if declare -F "$1" >/dev/null; then "$1"; elif [ -n "$hook" ]; then eval "$hook"; fi
}

for package in $nativeBuildInputs; do
  if [ -f "$package/nix-support/setup-hook" ]; then
    # shellcheck disable=SC1091
    source "$package/nix-support/setup-hook"
  fi
done

if [ -n "${buildCommandPath:-}" ]; then
  # shellcheck disable=SC1090
  source "$buildCommandPath"
  exit
elif [ -n "${buildCommand:-}" ]; then
  eval "$buildCommand"
  exit
fi

unpackPhase() {
  runHook preUnpack
  sourceRoot="${sourceRoot:-source}"
  cp -r --no-preserve=ownership "${src:?}" source
  chmod -R u+w source
  runHook postUnpack
  cd "$sourceRoot"
}

for phase in ${phases:-unpackPhase patchPhase configurePhase buildPhase checkPhase installPhase fixupPhase}; do
  case $phase in
  checkPhase) [ -n "${doCheck:-}" ] || continue ;;
  esac
  body="${!phase:-}"
  if [ -n "$body" ]; then eval "$body"; elif declare -F "$phase" >/dev/null; then "$phase"; fi
done
