// SPDX-License-Identifier: Apache-2.0
// The fixture of the kill matrix: two koi hosts under load of three kinds, one lab for all rows of
// a program. Each row prints what the clients saw; docs/operations.md keeps the figures.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/lab/eventually.h"
#include "support/lab/koi_lab.h"
#include "support/lab/mixed_load.h"

namespace koi::lab {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class KillMatrix : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  static KoiLab& lab() { return *lab_; }
  static MixedLoad& load() { return *load_; }
  // Who is what as a row begins.
  Balancer& master() { return *master_; }
  Balancer& backup() { return *backup_; }

  // The children of `host`'s koid that run `program`.
  static std::vector<int> Pids(Balancer& host, const std::string& program);
  // koid's pid, and those of all its children.
  static std::vector<int> AllPids(Balancer& host);
  // How many of the VIPs are on `host`; asks the kernel without starting a program, hundreds of
  // which would be a load of their own.
  static size_t VipsOn(Balancer& host);
  static void Send(const std::string& signal, const std::vector<int>& pids);

  // The load goes on: true once `count` more requests were answered.
  static bool Answers(uint64_t count);
  // True when `condition` holds all the time.
  static bool Stays(Duration time, const std::function<bool()>& condition) {
    return !Eventually(time, [&] { return !condition(); });
  }

  // What `host` has written since this row began.
  std::string Log(const Balancer& host) const;
  // How often `text` is in it.
  size_t Logged(const Balancer& host, const std::string& text) const;

  // What the clients saw since the row began, printed as figures of `row`.
  static MixedReport Saw(const std::string& row);

 private:
  static KoiLab* lab_;
  static MixedLoad* load_;
  Balancer* master_ = nullptr;
  Balancer* backup_ = nullptr;
  std::map<std::string, size_t> log_began_;
};

}  // namespace koi::lab
