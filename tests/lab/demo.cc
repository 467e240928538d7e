// SPDX-License-Identifier: Apache-2.0
// The demo: koi from two bare hosts to a failover, each step a sentence and the commands behind it.
//
//   koi-demo [--json] [--keep]
//
//   client ──┬── blue (master) ──┬── web-1, web-2
//            └── red  (backup) ──┴── web-3, added on the way
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "lab/demo_steps.h"

namespace koi::lab {
namespace {

constexpr int kExitUsage = 2;

int RunDemo(bool json, bool keep) {
  DemoFigures figures;
  bool failed = true;
  {
    Demo demo(keep ? AtEnd::kKeep : AtEnd::kTakeDown);
    failed = !demo.Run();
    figures = demo.figures();
  }
  std::cout << (failed ? "\nThe demo failed: see above.\n" : "\nAll of it worked.\n");
  if (json) std::cout << figures.ToJson() << std::endl;
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace koi::lab

int main(int argc, char** argv) {
  bool json = false;
  bool keep = false;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    json = json || flag == "--json";
    keep = keep || flag == "--keep";
    if (flag != "--json" && flag != "--keep") {
      std::cerr << "usage: koi-demo [--json] [--keep]\n"
                   "  --json  the last line is one JSON object with the figures\n"
                   "  --keep  leaves the lab standing and says how to enter it\n";
      return koi::lab::kExitUsage;
    }
  }
  return koi::lab::RunDemo(json, keep);
}
