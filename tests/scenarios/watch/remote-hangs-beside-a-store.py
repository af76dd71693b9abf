# A store here does not wait for an endpoint that hangs.
endpoint = lab.endpoint("hangs")
vm.configure("mode = auto", f"remote.endpoint = {endpoint.url}")
disk = vm.loop("ext4")
vm.decide()
vm.expect_local(disk)
vm.check("nobody waits", vm.figures()["preflight_wall"] < 5, True)
