# The same for a user: whoever is there is asked for the password, and it is nowhere afterwards.
endpoint = vm.smb(lab.path("oracleTools") / "root", user="keeper")
vm.configure("mode = auto", f"remote.endpoint = {endpoint}")
vm.decide(activate=False)
vm.activate_and_answer()
vm.expect_remote(endpoint)
vm.expect_not_told("s3cr3t-w0rd")
vm.release()
