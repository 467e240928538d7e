// SPDX-License-Identifier: Apache-2.0
// The steps of the demo, in their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/narrator.h"
#include "support/lab/koi_lab.h"
#include "support/lab/load.h"

namespace koi::lab {

// What --json prints. A figure that was not reached is -1.
struct DemoFigures {
  bool https_ok = false;
  int64_t connections = -1;
  int64_t cpu_mismatches = -1;
  int64_t failed_during_drain = -1;
  int64_t failover_outage_ms = -1;
  int64_t vips_left_behind = -1;

  std::string ToJson() const;
};

class Demo {
 public:
  explicit Demo(AtEnd at_end);
  // True when each step went as it should. What cannot be shown after a failed step is left out.
  bool Run();
  const DemoFigures& figures() const { return figures_; }

 private:
  bool StartHosts();
  void FetchOverHttps();
  void ShowWhoServed();
  void ConnectAThousandTimes();
  void AddAndDrainUnderLoad();
  void ShowMaps();
  void KillMaster();
  void BringItBack();
  void SayHowToEnter();

  // Shows and runs a command on `host`; its output is shown too.
  ProgramResult Show(const Host& host, const Argv& argv);
  ProgramResult ShowKoi(const Balancer& balancer, const Argv& arguments);
  std::vector<CpuStats> Cpus() const;

  const AtEnd at_end_;
  Narrator narrator_;
  KoiLab lab_;
  DemoFigures figures_;
};

}  // namespace koi::lab
