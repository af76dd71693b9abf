# 1,024 devices of one machine in the memory of a small one: the cost of each stays what it is.
vm.succeed("udevadm control --stop-exec-queue; modprobe brd rd_nr=1024 rd_size=512")
try:
    vm.succeed("for n in 7 77 777; do mkfs.ext2 -q -F /dev/ram$n 2>&1; done")
    run = "systemd-run --quiet --pipe --wait -p MemoryMax=32M -p MemorySwapMax=0"
    few, many = (
        vm.line(
            f"begin=$(cut -d' ' -f1 /proc/uptime); {run} bash -c 'asl-debug signatures /dev/ram{{0..{n}}}'"
            " | grep -c ext2 || true; end=$(cut -d' ' -f1 /proc/uptime); echo $begin $end"
        ).split()
        for n in (63, 1023)
    )
    seconds = [round(float(end) - float(begin), 2) for _, begin, end in (few, many)]
    lab.note(seconds_64=seconds[0], seconds_1024=seconds[1], memory_max="32M")
    vm.check("file systems among 1,024 devices", many[0], "3")
    vm.check(f"1,024 devices after {seconds[1]} s, under 30 s", seconds[1] < 30, True)
finally:
    vm.succeed("rmmod brd; udevadm control --start-exec-queue; udevadm settle -t 900")
