# 16 TiB, nearly all of it holes: no slower than a small disk.
huge = vm.loop("xfs", megabytes=16 << 20)
vm.decide()
vm.expect_local(huge)
vm.expect_decided_within(20)
