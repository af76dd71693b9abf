# The same of an SMB 3 server that lets guests in.
endpoint = vm.smb(lab.path("oracleTools") / "root")
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_remote(endpoint)
vm.release()
vm.fail("mountpoint -q /mnt/asl/remote")
