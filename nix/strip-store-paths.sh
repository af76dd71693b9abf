# Takes the paths of the build host's store out of programs: a static C library
# names its own directories (message catalogues, character sets, libraries), and
# none of them is there on the target. The replacement has the same length.
# shellcheck shell=bash
set -eu -o pipefail
LC_ALL=C sed -E -i 's|/nix/store/[0-9a-z]{32}-|/path-on-the-build-host-left-out/xxxxxxxxxx-|g' "$@"
