# Adds up what `cargo test` printed for every test program.
# shellcheck shell=bash
set -eu -o pipefail
awk '
  /^test result: / { passed += $4; failed += $6 }
  / \.\.\. ignored/ {
    reason = $0
    if (!sub(/.* \.\.\. ignored, /, "", reason)) reason = "no reason given"
    skipped = skipped (skipped ? "," : "") "{\"name\":\"" $2 "\",\"reason\":\"" reason "\"}"
  }
  END {
    if (passed == 0) { print "no test ran" > "/dev/stderr"; exit 1 }
    printf "{\"suite\":\"tests\",\"passed\":%d,\"failed\":%d,\"skipped\":[%s]}\n", passed, failed, skipped
  }' "$1"
