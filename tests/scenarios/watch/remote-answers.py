# Nothing here, and the endpoint answers in its own protocol: it is what the node serves.
endpoint = lab.endpoint("answers")
vm.configure("mode = auto", f"remote.endpoint = {endpoint.url}")
vm.decide()
vm.expect_mode(mode="remote", code="remote-ok", rule="remote-ok", source=endpoint.url)
