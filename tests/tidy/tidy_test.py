#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that each rule of tidy.py fails on a tree that breaks it, and passes on one that does not."""

import tempfile
import unittest
from pathlib import Path

import tidy

APACHE = "// SPDX-License-Identifier: Apache-2.0\n// An example.\n"
DUAL = "// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause\n// An example.\n"


class TidyTest(unittest.TestCase):
    def problems(self, rule, tree):
        """What `rule` says about a tree of {path: content}, as text."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            for path, content in tree.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(content)
            return "\n".join(tidy.problems(root, [rule]))

    def assert_breaks(self, rule, tree, expected):
        self.assertIn(expected, self.problems(rule, tree))

    def assert_keeps(self, rule, tree):
        self.assertEqual("", self.problems(rule, tree))

    def test_every_rule_is_shown_here(self):
        text = Path(__file__).read_text()
        for rule in tidy.RULES:
            self.assertIn(f"assert_breaks(tidy.{rule.__name__}", text.replace("(\n            ", "("))

    def test_layers(self):
        up = {"userspace/base/a.cc": APACHE + '#include "net/socket.h"\n'}
        self.assert_breaks(tidy.check_layers, up, "userspace/base/a.cc:3: base/ may not include net/")
        neighbour = {"userspace/worker/a.cc": '#include "manager/b.h"\n'}
        self.assert_breaks(tidy.check_layers, neighbour, "worker/ may not include manager/")
        stranger = {"userspace/other/a.cc": ""}
        self.assert_breaks(tidy.check_layers, stranger, "on no floor")
        self.assert_keeps(
            tidy.check_layers,
            {
                "userspace/worker/tcp/a.cc": '#include "net/b.h"\n#include "worker/c.h"\n',
                "userspace/tls/a.cc": '#include "config/b.h"\n#include "absl/status/status.h"\n',
                "userspace/dataplane/a.cc": "#include <net/if.h>\n",
            },
        )

    def test_abi_users(self):
        include = "#include <koi/abi/vip.h>\n"
        self.assert_breaks(tidy.check_abi_users, {"userspace/worker/a.cc": include}, "a.cc:1: only")
        self.assert_keeps(tidy.check_abi_users, {"userspace/dataplane/a.cc": include, "bpf/a.h": include})

    def test_bpf_names(self):
        long_map = {"bpf/maps.h": 'struct {\n} koi_much_too_long SEC(".maps");\n'}
        self.assert_breaks(tidy.check_bpf_names, long_map, "bpf/maps.h:2: \"koi_much_too_long\" has 17")
        foreign = {"bpf/a.c": 'SEC("xdp")\nint steer(struct xdp_md* ctx) {\n'}
        self.assert_breaks(tidy.check_bpf_names, foreign, 'bpf/a.c:2: map or program "steer"')
        self.assert_keeps(
            tidy.check_bpf_names,
            {"bpf/a.c": 'SEC("xdp")\nint koi_xdp(void* c);\nchar license[] SEC("license") = "GPL";\n'},
        )

    def test_listed(self):
        tree = {"userspace/net/CMakeLists.txt": "koi_library(net SOURCES a.cc)\n", "userspace/net/a.cc": ""}
        self.assert_keeps(tidy.check_listed, tree)
        tree["userspace/net/aa.cc"] = ""
        self.assert_breaks(tidy.check_listed, tree, "userspace/net/aa.cc:1: is in no CMakeLists.txt")

    def test_first_lines(self):
        bare = {"userspace/net/a.cc": "int a;\n"}
        self.assert_breaks(tidy.check_first_lines, bare, "a.cc:1: does not begin with SPDX")
        self.assert_breaks(tidy.check_first_lines, {"bpf/a.h": APACHE}, "a.h:1: does not begin with SPDX")
        silent = {"tools/x": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nset -e\n"}
        self.assert_breaks(tidy.check_first_lines, silent, "does not say what the file is")
        self.assert_keeps(tidy.check_first_lines, {"userspace/net/a.cc": APACHE, "bpf/a.h": DUAL})

    def test_string_view(self):
        use = "void F(std::string_view text);\n"
        self.assert_breaks(tidy.check_string_view, {"userspace/net/a.h": use}, "a.h:1: absl::string_view")
        self.assert_keeps(
            tidy.check_string_view, {"userspace/base/text.h": use, "userspace/net/b.h": "// std::string_view\n"}
        )

    def test_unfinished(self):
        note = {"docs/a.md": "later\nTO" + "DO: more\n"}
        self.assert_breaks(tidy.check_unfinished, note, "docs/a.md:2: finish it")

    def test_fences(self):
        tree = {"userspace/worker/a.cc": "#include <nlohmann/json.hpp>\n"}
        self.assert_breaks(tidy.check_fences, tree, "a.cc:1: <nlohmann/json.hpp> is for")
        self.assert_keeps(tidy.check_fences, {"userspace/base/log.cc": '#include "spdlog/spdlog.h"\n'})

    def test_no_sleep(self):
        tree = {"tests/unit/a.cc": "std::this_thread::sleep_for(1s);\n"}
        self.assert_breaks(tidy.check_no_sleep, tree, "tests/unit/a.cc:1: a test does not sleep")
        self.assert_keeps(tidy.check_no_sleep, {"tests/unit/a.cc": "// no sleep() here\n"})

    def test_no_throw(self):
        self.assert_breaks(tidy.check_no_throw, {"userspace/net/a.cc": "throw 1;\n"}, "a.cc:1: our code")

    def test_headers_once(self):
        self.assert_breaks(tidy.check_headers_once, {"userspace/net/a.h": APACHE}, "no #pragma once")

    def test_lengths(self):
        self.assert_breaks(tidy.check_lengths, {"README.md": "x\n" * 81}, "README.md:81: has 81 lines")
        self.assert_keeps(tidy.check_lengths, {"README.md": "x\n" * 80})

    def test_reasons_tested(self):
        tree = {
            "include/koi/abi/verdict.h": "#define KOI_VERDICTS(X) \\\n  X(NOT_OURS, XDP_PASS, \"...\")\n",
            "tests/packet/a.cc": 'EXPECT_EQ(VerdictFor(kSyn), "NOT_OURS_AT_ALL");\n',
        }
        self.assert_breaks(tidy.check_reasons_tested, tree, "verdict.h:2: no test produces the reason NOT_OURS")
        tree["tests/packet/a.cc"] = 'EXPECT_EQ(VerdictFor(kSyn), "NOT_OURS");\n'
        self.assert_keeps(tidy.check_reasons_tested, tree)
        tree["userspace/worker/reason.h"] = '#define KOI_REASONS(X) \\\n  X(kLeft, "left") /* ... */\n'
        self.assert_breaks(tidy.check_reasons_tested, tree, "reason.h:2: no test produces the reason left")
        tree["tests/unit/b.cc"] = "EXPECT_EQ(reason, CloseReason::kLeft);\n"
        self.assert_keeps(tidy.check_reasons_tested, tree)

    def test_format(self):
        style = (Path(__file__).parents[2] / ".clang-format").read_text()
        tree = {".clang-format": style, "userspace/net/a.cc": APACHE + "int  a;\n"}
        self.assert_breaks(tidy.check_format, tree, "userspace/net/a.cc:3: is not formatted")
        tree["userspace/net/a.cc"] = APACHE + "int a;\n"
        self.assert_keeps(tidy.check_format, tree)


if __name__ == "__main__":
    unittest.main()
