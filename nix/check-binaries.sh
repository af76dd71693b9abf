# What must hold of the programs and the library on a foreign root: they run
# without its libc, or with the oldest that a base may have.
# Arguments: the programs' and the library's store path, the version.
# shellcheck shell=bash
set -eu -o pipefail
asl=$1 libasl=$2 version=$3
passed=0

ok() { passed=$((passed + 1)); }
fail() {
  echo "$*" >&2
  exit 1
}

for name in asl-admin asl-debug asl-intake; do
  binary=$asl/bin/$name
  ! objdump -p "$binary" | grep NEEDED || fail "$name is not static"
  ok
  printed=$("$binary" --version)
  [ "$printed" = "$name $version" ] || fail "$name --version printed '$printed', expected '$name $version'"
  ok
  # Static glibc code that looks up users or hosts loads the root's NSS
  # modules, made for another glibc, and crashes.
  symbols=$(nm "$binary")
  grep -qE ' [tT] _?main$' <<< "$symbols" || fail "$name has no symbols to check"
  ! grep -E ' [tTwW] (__)?(getaddrinfo|get(pw|gr)(ent|nam|uid|gid)(_r)?|getgrouplist|initgroups|gethostby[a-z0-9]+(_r)?|getservby[a-z]+(_r)?)$' <<< "$symbols" ||
    fail "$name calls NSS"
  ok
done

library=$libasl/lib/libasl.so
soname=$(objdump -p "$library" | sed -n 's/^ *SONAME *//p')
[ "$soname" = libasl.so.0 ] || fail "SONAME is '$soname', expected libasl.so.0"
ok
needed=$(objdump -p "$library" | sed -n 's/^ *NEEDED *//p' | sort | tr '\n' ' ')
! tr ' ' '\n' <<< "$needed" | grep -qvE '^(libc\.so\.6|libgcc_s\.so\.1|ld-linux-x86-64\.so\.2|)$' || fail "libasl.so needs $needed"
ok
! objdump -p "$library" | grep -E 'RUNPATH|RPATH' || fail 'libasl.so has a run path'
ok
newest=$(objdump -T "$library" | grep -oE 'GLIBC_[0-9A-Z_.]+' | sort -uV | tail -n 1)
[ "$(printf '%s\n' "$newest" GLIBC_2.34 | sort -V | tail -n 1)" = GLIBC_2.34 ] || fail "libasl.so needs $newest, newer than GLIBC_2.34"
ok
for file in "$asl"/bin/* "$library"; do
  ! grep -q --binary-files=text '/nix/store/' "$file" || fail "$file names the build host's store"
  ok
done

jq -n --argjson passed $passed '{ suite: "binaries", $passed, failed: 0, skipped: [] }'
