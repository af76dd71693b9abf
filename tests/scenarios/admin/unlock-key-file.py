# A container is opened read-only behind a guard, its store is found, and all of it is taken back.
locked = vm.loop()
uuid = "5a0c0000-0000-4000-8000-000000000001"
fs = "5a0c0000-0000-4000-8000-000000000003"
store = "5a0c0000-0000-4000-8000-000000000002"
vm.set_up(
    "printf secret >/run/lab/key;"
    " cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    f" --uuid {uuid} {locked.whole} /run/lab/key;"
    f" cryptsetup open --key-file /run/lab/key {locked.whole} setup;"
    f" . /run/lab.sh; store_on /dev/mapper/setup ext4 {fs} 1 {store} .;"
    " cryptsetup close setup",
    locked,
)
vm.decide()
vm.fail(f"echo wrong >/run/lab/wrong; asl-admin unlock {uuid} --key-file /run/lab/wrong")
vm.check("read-only flag", vm.line(f"blockdev --getro {locked.whole}"), "0")
seen = vm.succeed(f"asl-admin unlock {uuid} --key-file /run/lab/key")
vm.check_in("unlock", f"/dev/mapper/asl-{uuid} shows the content of {uuid}", seen)
vm.check("read-only flag", vm.line(f"blockdev --getro {locked.whole}"), "1")
vm.check("read-only flag", vm.line(f"blockdev --getro /dev/mapper/asl-{uuid}"), "1")
vm.check_in("its store", store, vm.succeed("cat /run/asl/facts.json"))
vm.check_in("status", "unlocked by hand", vm.succeed("asl-admin status"))
vm.succeed("asl-admin detach")
vm.succeed(f"asl-admin lock {uuid}")
vm.fail(f"test -e /dev/mapper/asl-{uuid}")
vm.check("read-only flag", vm.line(f"blockdev --getro {locked.whole}"), "0")
