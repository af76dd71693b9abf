# Mode, store, reason and next command show on a console before and after a login.
disk = vm.disk("ext4")
vm.decide()
issue = vm.succeed("cat /run/asl/issue")
vm.check_in("issue", "mode local", issue)
vm.check("issue of agetty", vm.succeed("cat /etc/issue.d/20-asl.issue"), issue)
vm.check_in("after a login", issue, vm.succeed("bash -lic true 2>/dev/null"))
vm.check("a script's shell", vm.succeed("bash -lc true"), "")
