# The endpoint answers and does not have what is configured: its words are told, nothing is left.
endpoint = f"{vm.nfs()}/nowhere"
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_mode(mode="none", rule="blocked-only", code="activation-failed")
vm.expect_reason(endpoint, "No such file or directory")
vm.fail("mountpoint -q /mnt/asl/remote")
