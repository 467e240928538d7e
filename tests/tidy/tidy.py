#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of the tree that no compiler makes: layers, names, licences, fenced headers, formatting.

    tidy.py [ROOT]     prints "path:line: what is wrong" and exits 1, or nothing and exits 0

Each rule is a function that takes the tree and yields what breaks it; tidy_test.py shows for each
one a tree that does.
"""

import re
import subprocess
import sys
from pathlib import Path

APACHE = "Apache-2.0"
DUAL = "GPL-2.0-only OR BSD-2-Clause"

# Who may include whom in userspace/, beside itself and every lower floor. Floor 2 never includes a
# neighbour: processes meet in protocol/.
FLOORS = [
    ["base"],
    ["net", "dataplane", "tls", "http", "config", "protocol", "leftovers"],
    ["keeper", "manager", "worker", "carp", "decap", "discovery", "cli"],
    ["main"],
]
NEIGHBOURS = {
    "tls": {"net", "config"},
    "http": {"net"},
    "protocol": {"config"},
    "dataplane": {"config"},
    "leftovers": {"net", "dataplane", "config", "protocol"},
}

# Headers that take long to compile, and the only files (or folders) that may include each.
FENCED = {
    "toml++/": ["userspace/config/document.cc"],
    "CLI/": ["userspace/cli", "userspace/main"],
    "nlohmann/": ["userspace/protocol", "userspace/cli", "userspace/manager", "tests"],
    "spdlog/": ["userspace/base/log.cc"],
    "curl/": ["userspace/cli", "userspace/manager", "tests"],
    "openssl/": ["userspace/tls", "userspace/carp", "userspace/main", "tests"],
}

SOURCE_SUFFIXES = {".cc", ".h", ".c"}
SOURCE_FOLDERS = ["bpf", "include", "userspace", "tests"]
TEXT_FOLDERS = SOURCE_FOLDERS + ["docker", "docs", "tools", ".ci"]
MAP_NAME_MAX = 15  # BPF_OBJ_NAME_LEN without its NUL: longer names are cut


def files(root, folders, suffixes=None):
    """All files below the folders, each once, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                if suffixes is None or path.suffix in suffixes:
                    yield path


def sources(root, folders=SOURCE_FOLDERS):
    return files(root, folders, SOURCE_SUFFIXES)


def lines(path):
    """Numbered lines; a file that is no text has none."""
    try:
        return list(enumerate(path.read_text().splitlines(), 1))
    except UnicodeDecodeError:
        return []


def code_lines(path):
    """Numbered lines without // comments and without the contents of strings."""
    for number, line in lines(path):
        line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
        yield number, re.sub(r"//.*", "", line)


def included(path, opening='["<]'):
    """Number and name of each header included; `opening` may ask for quoted ones alone."""
    for number, line in lines(path):
        match = re.match(rf'\s*#\s*include\s+{opening}([^">]+)[">]', line)
        if match:
            yield number, match.group(1)


def floor_of(folder):
    for number, folders in enumerate(FLOORS):
        if folder in folders:
            return number
    return None


def check_layers(root):
    for path in sources(root, ["userspace"]):
        folder = path.relative_to(root / "userspace").parts[0]
        if floor_of(folder) is None:
            yield path, 1, f'folder "{folder}" is on no floor'
            continue
        for number, header in included(path, '"'):  # <net/if.h> is the system's
            target = header.split("/")[0]
            if floor_of(target) is None or target == folder:
                continue
            lower = floor_of(target) < floor_of(folder)
            if not lower and target not in NEIGHBOURS.get(folder, set()):
                yield path, number, f"{folder}/ may not include {target}/"


def check_abi_users(root):
    allowed = [root / "userspace/dataplane", root / "bpf", root / "tests", root / "include/koi/abi"]
    for path in sources(root):
        if any(folder in path.parents for folder in allowed):
            continue
        for number, header in included(path):
            if header.startswith("koi/abi"):
                yield path, number, "only dataplane/ and bpf/ see koi/abi: use the map's class"


def check_bpf_names(root):
    for path in sources(root, ["bpf"]):
        text = path.read_text()
        found = list(re.finditer(r'}\s*(\w+)\s+SEC\("\.maps"\)', text))
        found += re.finditer(r'SEC\("(?!license|\.)[^"]*"\)\s*\w[\w ]*?\b(\w+)\s*\(', text)
        for match in found:
            name, number = match.group(1), text.count("\n", 0, match.start(1)) + 1
            if not name.startswith("koi_"):
                yield path, number, f'map or program "{name}" does not begin with koi_'
            if len(name) > MAP_NAME_MAX:
                yield path, number, f'"{name}" has {len(name)} characters, the kernel keeps {MAP_NAME_MAX}'


def check_listed(root):
    for path in files(root, ["userspace", "tests"], {".cc"}):
        lists = [parent / "CMakeLists.txt" for parent in path.parents if root in parent.parents]
        owner = next((each for each in lists if each.exists()), None)
        name = None if owner is None else path.relative_to(owner.parent).as_posix()
        if owner is None or name not in re.split(r"[\s()]+", owner.read_text()):
            yield path, 1, "is in no CMakeLists.txt: list it by name"


def check_first_lines(root):
    for path in files(root, SOURCE_FOLDERS + ["tools", ".ci"]):
        text = [line for _, line in lines(path)[:4]]
        script = bool(text) and text[0].startswith("#!")
        if path.suffix not in SOURCE_SUFFIXES | {".py"} and not script:
            continue
        text = text[1:] if script else text
        relative = path.relative_to(root).as_posix()
        licence = DUAL if relative.startswith(("bpf/", "include/koi/abi/")) or relative.endswith(".bpf.c") else APACHE
        if not text or not re.fullmatch(rf"(//|#) SPDX-License-Identifier: {re.escape(licence)}", text[0]):
            yield path, 1, f"does not begin with SPDX-License-Identifier: {licence}"
        elif len(text) < 2 or not re.match(r'(//|#|""") ?\w', text[1]):
            yield path, 2, "does not say what the file is"


def check_string_view(root):
    for path in sources(root, ["userspace"]):
        if path.relative_to(root).as_posix() == "userspace/base/text.h":
            continue
        for number, line in code_lines(path):
            if "std::string_view" in line:
                yield path, number, "absl::string_view: the packaged Abseil does not take the std one"


def check_unfinished(root):
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    for path in list(files(root, TEXT_FOLDERS)) + [root / "README.md", root / "CMakeLists.txt"]:
        if not path.exists():
            continue
        for number, line in lines(path):
            if words.search(line):
                yield path, number, "finish it, or write down elsewhere what is missing"


def check_fences(root):
    for path in sources(root):
        relative = path.relative_to(root).as_posix()
        for number, header in included(path):
            for prefix, allowed in FENCED.items():
                if header.startswith(prefix) and not any(
                    relative == each or relative.startswith(each + "/") for each in allowed
                ):
                    yield path, number, f"<{header}> is for {', '.join(allowed)} alone"


def check_no_sleep(root):
    call = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep|sleep_for|sleep_until)\s*\(")
    for path in sources(root, ["tests"]):
        for number, line in code_lines(path):
            if call.search(line):
                yield path, number, "a test does not sleep: Eventually(limit, condition)"


def check_no_throw(root):
    # nlohmann's way to refuse a value; caught where decoding was called.
    allowed = {"userspace/protocol/json_values.h"}
    for path in sources(root, ["userspace"]):
        if path.relative_to(root).as_posix() in allowed:
            continue
        for number, line in code_lines(path):
            if re.search(r"\bthrow\b", line):
                yield path, number, "our code throws nothing: return an absl::Status"


def check_headers_once(root):
    for path in files(root, ["include", "userspace", "tests", "bpf"], {".h"}):
        if "#pragma once" not in path.read_text().splitlines():
            yield path, 1, "has no #pragma once"


def check_lengths(root):
    limits = [(root / "README.md", 80)]
    limits += [(path, 40) for path in files(root, ["docs/decisions"], {".md"})]
    for path, limit in limits:
        if path.exists() and len(lines(path)) > limit:
            yield path, limit + 1, f"has {len(lines(path))} lines; {limit} are enough"


def check_reasons_tested(root):
    """Every row of a list of reasons (a macro over X) is produced by a test, which names it."""
    tests = "".join(path.read_text() for path in files(root, ["tests"], {".cc", ".h"}))
    for header in files(root, ["include", "userspace"], {".h"}):
        within = False
        for number, line in lines(header):
            within = within or re.match(r"#define KOI_\w+\(X\)", line) is not None
            row = re.match(r"\s*X\((\w+),(?:\s*\"([\w-]+)\")?", line) if within else None
            names = [] if row is None else [name for name in row.groups() if name]
            if names and not re.search(rf"\b(KOI_VERDICT_)?({'|'.join(names)})\b", tests):
                yield header, number, f"no test produces the reason {names[-1]}"
            within = within and line.endswith("\\")


def check_format(root):
    paths = [str(path) for path in sources(root)]
    if not paths:
        return
    style = f"--style=file:{root / '.clang-format'}"
    run = subprocess.run(
        ["clang-format-14", style, "--dry-run", "-Werror", *paths], capture_output=True, text=True
    )
    for match in re.finditer(r"^(.+?):(\d+):\d+: error:", run.stderr, re.MULTILINE):
        yield Path(match.group(1)), int(match.group(2)), "is not formatted: run tools/format"


RULES = [value for name, value in list(globals().items()) if name.startswith("check_")]


def problems(root, rules=None):
    for rule in rules or RULES:
        for path, number, what in rule(root):
            yield f"{path.relative_to(root)}:{number}: {what}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    found = list(dict.fromkeys(problems(root)))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
