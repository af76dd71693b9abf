# The same over SSH, to a server that is known, with root's own key. What speaks to it ends with it.
endpoint = vm.ssh()
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_remote(endpoint)
vm.succeed("pgrep -f [f]use.sshfs")
vm.release()
vm.fail("mountpoint -q /mnt/asl/remote")
vm.fail("pgrep -f [f]use.sshfs")
