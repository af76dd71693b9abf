"""A breaking change without a new major version must fail."""

import copy
import unittest

import layout

LISTING = """\
drwxr-xr-x 0/0                42 2000-01-01 00:00 /
drwxr-xr-x 0/0                42 2000-01-01 00:00 /usr
-rwxr-xr-x 0/0           1234567 2000-01-01 00:00 /usr/tool
lrwxrwxrwx 0/0                 9 2000-01-01 00:00 /usr/link -> /usr/tool
drwxr-xr-x 0/0                42 2000-01-01 00:00 /etc
-rw-r--r-- 0/0                10 2000-01-01 00:00 /etc/tool.conf
"""

TABLE = {
    "usr": {"type": "dir", "mode": "0755", "from": "spec"},
    "usr/tool": {"type": "file", "mode": "0755", "from": "spec"},
    "usr/link": {"type": "link", "target": "/usr/tool", "from": "boot"},
    "etc": {"type": "dir", "mode": "0755", "from": "spec"},
    "etc/tool.conf": {"type": "file", "mode": "0644", "from": "spec"},
}

SPECIFICATION = "usr/\nusr/tool\netc/\netc/tool.conf\n"


def record(version="0.1.0"):
    return {
        "version": version,
        "soname": "libasl.so.0",
        "config_keys": ["local.mount", "mode"],
        "mode_keys": ["schema", "mode"],
        "tree": layout.parse_listing(LISTING),
    }


class Listing(unittest.TestCase):
    def test_types_modes_owners_targets(self):
        tree = layout.parse_listing(LISTING)
        self.assertEqual(tree["usr/tool"], {"type": "file", "mode": "0755", "owner": "0 0"})
        self.assertEqual(tree["usr/link"], {"type": "link", "target": "/usr/tool", "owner": "0 0"})
        self.assertEqual(len(tree), 5)

    def test_special_bits(self):
        self.assertEqual(layout.mode_of("-rwsr-xr-x"), 0o4755)
        self.assertEqual(layout.mode_of("drwxrwxrwt"), 0o1777)


class Specification(unittest.TestCase):
    def test_complete(self):
        self.assertEqual(layout.against_specification(layout.parse_listing(LISTING), SPECIFICATION, TABLE), [])

    def test_missing_entry(self):
        tree = layout.parse_listing(LISTING)
        del tree["etc/tool.conf"]
        self.assertIn("etc/tool.conf: missing", layout.against_specification(tree, SPECIFICATION, TABLE)[0])

    def test_unexpected_entry(self):
        tree = layout.parse_listing(LISTING) | {"etc/more": {"type": "file", "mode": "0644", "owner": "0 0"}}
        self.assertIn("etc/more: unexpected", layout.against_specification(tree, SPECIFICATION, TABLE)[0])

    def test_executable_configuration(self):
        tree = {"etc/asl/x.conf": {"type": "file", "mode": "0755", "owner": "0 0"}}
        table = {"etc/asl/x.conf": {"type": "file", "mode": "0755", "from": "spec"}}
        self.assertIn("executable", layout.against_table(tree, table)[0])

    def test_wrong_owner(self):
        tree = layout.parse_listing(LISTING)
        tree["usr/tool"]["owner"] = "1000 100"
        self.assertIn("usr/tool", layout.against_table(tree, TABLE)[0])


class Versioning(unittest.TestCase):
    def change(self, change, version="0.1.1"):
        new = copy.deepcopy(record(version))
        change(new)
        return layout.compare(record(), new)

    def test_addition_is_no_break(self):
        add = {"etc/new.conf": {"type": "file", "mode": "0644", "owner": "0 0"}}
        self.assertEqual(self.change(lambda new: new["tree"].update(add)), [])

    def test_removed_path(self):
        self.assertIn("usr/tool: removed", self.change(lambda new: new["tree"].pop("usr/tool"))[0])

    def test_moved_path(self):
        def move(new):
            new["tree"]["opt/tool"] = new["tree"].pop("usr/tool")

        self.assertIn("usr/tool: removed or moved", self.change(move)[0])

    def test_changed_mode(self):
        self.assertIn("0700", self.change(lambda new: new["tree"]["usr/tool"].update(mode="0700"))[0])

    def test_removed_key(self):
        self.assertIn("local.mount is gone", self.change(lambda new: new["config_keys"].remove("local.mount"))[0])

    def test_removed_mode_key(self):
        self.assertIn("schema is gone", self.change(lambda new: new["mode_keys"].remove("schema"))[0])

    def test_changed_soname(self):
        self.assertIn("SONAME", self.change(lambda new: new.update(soname="libasl.so.1"))[0])

    def test_minor_version_does_not_excuse(self):
        self.assertNotEqual(self.change(lambda new: new["tree"].pop("usr/tool"), "0.2.0"), [])

    def test_major_version_excuses(self):
        self.assertEqual(self.change(lambda new: new["tree"].pop("usr/tool"), "1.0.0"), [])


if __name__ == "__main__":
    unittest.main()
