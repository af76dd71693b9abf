# A reader without a card: the device is there and has no size.
empty, good = vm.loop(), vm.loop("ext4")
vm.set_up(f"truncate -s 0 {empty.file}; losetup --set-capacity {empty.whole}", empty)
vm.decide()
vm.expect_local(good)
vm.expect_probe(empty, "skipped")
