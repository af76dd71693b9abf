# Nothing here, and the endpoint answers in its own protocol: it is mounted and served, and let go.
endpoint = vm.nfs()
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_remote(endpoint)
vm.release()
vm.fail("mountpoint -q /mnt/asl/remote")
