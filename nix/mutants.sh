#!/usr/bin/env bash
# Changes the decision crate in every way that cargo-mutants knows, each time
# runs its tests, and names the changes that none of them notices; `nix/dev
# mutants` calls it. rust/.cargo/mutants.toml says what is changed.
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
die() {
  printf 'nix/dev mutants: %s\n' "$*" >&2
  exit 1
}
command -v cargo-mutants > /dev/null ||
  die 'cargo-mutants is missing: cargo install --locked cargo-mutants'

# In a copy: the tests read the situations beside the workspace, so a mutant
# is made in place.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z rust overlay tests/decide | xargs -0 cp --parents -t "$copy"
results=$PWD/rust
cd "$copy/rust"
CARGO_TARGET_DIR=$results/target CARGO_INCREMENTAL=1 \
  cargo mutants --in-place --output "$results" "$@"
