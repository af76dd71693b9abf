# Nothing but the live system's own medium: nothing to serve, and intake is skipped, not failed.
vm.decide(serve=True)
vm.expect_none("empty", rule="empty")
vm.check("result", vm.line("systemctl show -P ConditionResult asl-intake.service"), "no")
