# A garbled file and one of another boot are refused by name; a good one follows from preflight.
vm.succeed("cp /run/asl/mode /run/asl/mode.kept")
for edit, why in (
    ("s/^mode=.*/mode=local/", "/run/asl/mode"),
    ("s/^schema=.*/schema='0'/", "schema"),
    ("s/^boot_id=.*/boot_id='00000000-0000-4000-8000-000000000000'/", "boot"),
):
    vm.succeed(f'sed "{edit}" /run/asl/mode.kept >/run/asl/mode')
    vm.check_in(f"asl-intake with {edit}", why, vm.fail("asl-intake 2>&1"))
vm.succeed("mv /run/asl/mode.kept /run/asl/mode")
