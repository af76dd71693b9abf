"""copytoram: the overlay is found among the files that were copied, and the medium is free."""

with lab.boot("direct", cmdline="copytoram", attach=("ext4",)) as vm:
    vm.succeed("test -e /run/archiso/bootmnt/00-asl.srm")
    vm.fail("findmnt --source /dev/vda; findmnt --source /dev/vda1")
    vm.expect_local(vm.disk("ext4"))
