# A program that measures our detection against the peers, with both at hand.
{
  lib,
  runCommand,
  bash,
  coreutils,
  python3,
  oracleTools,
  asl,
}:
let
  tools = [
    asl
    coreutils
    python3
    oracleTools
  ];
  bin = package: "${package.bin or package}/bin";
in
runCommand "asl-bench" { meta.mainProgram = "asl-bench"; } ''
  mkdir -p $out/bin
  cat > $out/bin/asl-bench <<'END'
  #!${bash}/bin/bash
  export PATH=${lib.concatMapStringsSep ":" bin tools}
  exec python3 ${../tests/bench/bench.py} "$@"
  END
  chmod +x $out/bin/asl-bench
''
