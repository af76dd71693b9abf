# A program that measures our detection against the peers, with both at hand.
{
  lib,
  runCommand,
  bash,
  coreutils,
  gcc,
  binutils,
  python3,
  xz,
  oracleTools,
  asl,
}:
let
  # gcc and what it calls: two programs of the bench are compiled when it runs.
  tools = [
    asl
    coreutils
    gcc
    binutils
    python3
    xz
    oracleTools
  ];
  bin = package: "${package.bin or package}/bin";
  source = lib.cleanSourceWith {
    src = ../tests/bench;
    name = "bench";
    filter = path: _: baseNameOf path != "__pycache__";
  };
in
runCommand "asl-bench" { meta.mainProgram = "asl-bench"; } ''
  mkdir -p $out/bin
  cat > $out/bin/asl-bench <<'END'
  #!${bash}/bin/bash
  export PATH=${lib.concatMapStringsSep ":" bin tools} CC=gcc
  export MKE2FS_CONFIG=${oracleTools}/etc/mke2fs.conf
  exec python3 ${source}/bench.py --labels ${../rust/probe/tests/formats/zfs/one.xz} "$@"
  END
  chmod +x $out/bin/asl-bench
''
