# The host is there and nobody listens.
endpoint = lab.endpoint("closed")
vm.configure("mode = auto", f"remote.endpoint = {endpoint.url}")
vm.decide()
vm.expect_none("remote-down", rule="remote-down")
vm.expect_reason("connection refused", endpoint.url)
