# A 4Kn disk: its GPT counts in other units.
disk = vm.loop("ext4", partitions=2, partition=2, sector=4096)
vm.decide()
vm.expect_local(disk)
