# The named store is not there: never another one in its place.
vm.loop("ext4")
vm.configure("local.uuid = 00000000-0000-4000-8000-000000000000")
vm.decide()
vm.expect_none("selector-missing", rule="selector-missing")
