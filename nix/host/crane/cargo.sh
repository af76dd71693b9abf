# What crane's hooks do for a derivation: cargo works offline on the vendored
# crates, and a target directory can be handed on.
# shellcheck shell=bash

export CARGO_HOME="$NIX_BUILD_TOP/.cargo-home"
export CARGO_TARGET_DIR="$NIX_BUILD_TOP/target"
export CARGO_BUILD_JOBS="${NIX_BUILD_CORES:-1}"
export CARGO_BUILD_INCREMENTAL=false
export CARGO_TERM_COLOR=never RUST_BACKTRACE=1
export CARGO_PROFILE="${CARGO_PROFILE-release}"
mkdir -p "$CARGO_HOME"
if [ -n "${cargoVendorDir:-}" ]; then
  cat > "$CARGO_HOME/config.toml" <<END
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "$cargoVendorDir"
[net]
offline = true
END
fi

cargoWithProfile() {
  local command="$1"
  shift
  echo "cargo $command ${CARGO_PROFILE:+--profile $CARGO_PROFILE} $*"
  cargo "$command" ${CARGO_PROFILE:+--profile "$CARGO_PROFILE"} "$@"
}

# Cargo compares times, and everything in the store is from 1970: what was
# unpacked must be newer than what the stubs left behind.
inheritCargoArtifacts() {
  [ -n "${cargoArtifacts:-}" ] || return 0
  mkdir -p "$CARGO_TARGET_DIR"
  tar --extract --zstd --file "$cargoArtifacts/target.tar.zst" --directory "$CARGO_TARGET_DIR"
  find . -type f -exec touch {} +
}

installCargoArtifacts() {
  mkdir -p "${out:?}"
  tar --create --zstd --file "$out/target.tar.zst" --directory "$CARGO_TARGET_DIR" .
}

# Empty sources beside every manifest of a package.
stubSources() {
  local manifest directory
  while read -r manifest; do
    directory="$(dirname "$manifest")/src"
    mkdir -p "$directory"
    [ -e "$directory/lib.rs" ] || : > "$directory/lib.rs"
    [ -e "$directory/main.rs" ] || echo 'fn main() {}' > "$directory/main.rs"
  done < <(grep -rl --include=Cargo.toml '^\[package\]' .)
}
