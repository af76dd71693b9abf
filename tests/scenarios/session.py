"""A session with a store changes the live root only where state belongs: /var/lib/asl, and what
any boot of the base changes. /etc/asl is as it was shipped."""

ALLOWED = (
    "var/lib/asl",
    # The base's own, with or without the overlay.
    "etc/credstore",
    "etc/credstore.encrypted",
    "etc/default/locale",
    "etc/machine-id",
    "etc/vconsole.conf",
    "root/.ssh",
    "srv",
    "var/cache/private",
    "var/lib/dbus",
    "var/lib/private",
    "var/lib/systemd",
    "var/log",
    "var/tmp",
)


def belongs(path):
    """At or below an allowed path, or a directory on the way to one."""
    return any(f"{path}/".startswith(f"{a}/") or a.startswith(f"{path}/") for a in ALLOWED)


with lab.boot("direct", attach=("ext4",)) as vm:
    disk = vm.disk("ext4")
    vm.expect_local(disk)
    vm.succeed("asl-admin mode; asl-admin config; asl-admin preflight --dry-run; asl-intake status")
    vm.decide()
    vm.expect_local(disk)
    vm.release()
    vm.fail("mountpoint -q /mnt/asl/local")
    upper = vm.line("findmnt -no OPTIONS / | tr , '\\n' | sed -n s/upperdir=//p")
    changed = vm.line(f"find {upper} -mindepth 1 -printf '%P\\n'").splitlines()
    vm.check("changes of the live root", [p for p in changed if not belongs(p)], [])
    vm.check("changes of /etc/asl", [p for p in changed if p.startswith("etc/asl")], [])
