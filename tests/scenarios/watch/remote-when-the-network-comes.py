# The network comes after the decision: the endpoint is asked again, mounted and served.
address = "10.99.0.1"
endpoint = vm.nfs(address)
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide()
vm.expect_none("remote-down", rule="remote-down")
vm.watch()
vm.succeed(f"ip address add {address}/32 dev lo")
vm.wait_for_intake()
vm.expect_remote(endpoint)
vm.release()
vm.succeed(f"ip address del {address}/32 dev lo")
