# The endpoint is silent at first: it is waited for, and mounted when its server comes.
endpoint = "nfs://127.0.0.1/asl"
vm.configure("mode = remote", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_mode(mode="remote", code="waiting", rule="forced-remote", mount="none")
vm.watch()
vm.nfs()
vm.wait_for("mountpoint -q /mnt/asl/remote")
vm.wait_for_intake()
vm.expect_remote(endpoint, "forced-remote")
