// SPDX-License-Identifier: Apache-2.0
// koi-load: HTTP requests or WebSocket messages of one kind, a fixed number of them, from one
// thread. Every answer is read to its end and checked.
//
//   koi-load PLAN    a JSON object (load_plan.h); prints the report as one line of JSON
//
// Exit code 1: something went wrong, as `error` of the report says.
#include <signal.h>

#include <iostream>

#include "bench/load_run.h"

int main(int argc, char** argv) {
  const auto json = nlohmann::json::parse(argc == 2 ? argv[1] : "", nullptr, false);
  if (!json.is_object()) {
    std::cerr << "usage: koi-load '{\"address\": \"10.9.0.100\", \"port\": 443, ...}'\n";
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  const auto plan = json.get<koi::bench::LoadPlan>();
  if (plan.hold) sigprocmask(SIG_BLOCK, &term, nullptr);

  koi::bench::LoadRun run(plan);
  const koi::bench::LoadReport report = run.Run();
  std::cout << nlohmann::json(report).dump() << std::endl;
  if (!report.error.empty()) return 1;
  return !plan.hold || run.Hold() ? 0 : 1;
}
