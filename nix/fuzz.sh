#!/usr/bin/env bash
# Runs the fuzz targets of rust/fuzz one after another; `nix/dev fuzz` calls
# it with the tools that make the seeds in its PATH.
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../rust/fuzz"
say() { printf '\e[1m==>\e[0m %s\n' "$*" >&2; }
die() {
  printf 'nix/dev fuzz: %s\n' "$*" >&2
  exit 1
}

seconds=60 targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds)
      seconds=${2:?--seconds takes a number}
      shift 2
      ;;
    *)
      [ -e "fuzz_targets/$1.rs" ] || die "no target $1: there are $(basename -s .rs fuzz_targets/* | tr '\n' ' ')"
      targets+=("$1")
      shift
      ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(basename -s .rs fuzz_targets/*)
for tool in cargo c++; do
  command -v $tool > /dev/null || die "$tool is missing: libFuzzer is C++, and its runtime is built from source"
done

say 'making the seeds with the real tools'
ASL_FUZZ_SEEDS=$PWD/seeds cargo test --quiet --locked --manifest-path ../Cargo.toml \
  -p asl-probe -p asl-tree --test formats --test images -- mutations what_was_read > seeds.log 2>&1 || {
  cat seeds.log >&2
  die 'the seeds could not be made'
}
rm seeds.log

# What cargo-fuzz sets too, without the sanitizer, which wants a nightly
# compiler: there is no unsafe code in what is fuzzed.
say 'building the targets'
target=x86_64-unknown-linux-gnu
sancov='-Cllvm-args=-sanitizer-coverage'
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module $sancov-level=4 $sancov-inline-8bit-counters $sancov-pc-table $sancov-trace-compares -Ccodegen-units=1" \
  cargo build --quiet --release --locked --target $target --target-dir target

failed=0
for name in "${targets[@]}"; do
  mkdir -p "corpus/$name" "artifacts/$name" "seeds/$name"
  log=artifacts/$name/log
  say "$name: $seconds s"
  # A sound device takes milliseconds; what takes 10 s is a hang.
  if ! target/$target/release/"$name" "corpus/$name" "seeds/$name" -artifact_prefix="artifacts/$name/" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 > "$log" 2>&1; then
    failed=1
    tail -n 40 "$log" >&2
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    printf '\nfound      rust/fuzz/%s\nreproduce  rust/fuzz/target/%s/release/%s rust/fuzz/%s\nminimise   the same with -minimize_crash=1 -runs=10000 before the path\nkeep       copy it to rust/probe/tests/fixtures, with its line in the README there\n' \
      "$input" $target "$name" "$input" >&2
  fi
  cov=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-8s %10s executions, %s, %s\n' "$name" "${executed:-?}" "${cov:-no coverage}" \
    "$(find "corpus/$name" -type f | wc -l) inputs kept"
done
exit $failed
