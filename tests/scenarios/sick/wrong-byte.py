# A disk that lies: one byte of each read is another. The checksum of the superblock tells.
sick, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(sick, f"0 {32 * 2048} flakey {{}} 2048 0 60 5 corrupt_bio_byte 1200 r 171 0")
vm.decide()
vm.expect_local(good)
vm.check("judged on the sick disk", vm.judged(sick), ["damaged"])
