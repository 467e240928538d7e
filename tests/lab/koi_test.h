// SPDX-License-Identifier: Apache-2.0
// The fixture of tests with two koi hosts: where one fails, it shows what koi wrote.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "support/lab/eventually.h"
#include "support/lab/koi_lab.h"
#include "support/lab/load.h"

namespace koi::lab {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class KoiTest : public ::testing::Test {
 protected:
  explicit KoiTest(const KoiLabOptions& options = {}) : lab(options) {}

  void TearDown() override {
    if (!HasFailure()) return;
    for (const Balancer* balancer : {&lab.blue, &lab.red}) {
      std::cerr << "--- " << balancer->name() << ", end of koid.log:\n"
                << balancer->LogTail() << '\n'
                << balancer->Koi({"status"}).Describe() << '\n';
    }
  }

  // Steady load on https:// of both VIPs.
  Load StartLoad() {
    return Load(lab.client, {KoiLab::Url4("https", "/"), KoiLab::Url6("https", "/")},
                lab.certificate.chain);
  }
  // True once `load` has had `count` more answers.
  static bool Answers(const Load& load, uint64_t count) {
    const uint64_t before = load.SoFar().ok;
    return Eventually(30s, [&] { return load.SoFar().ok >= before + count; });
  }

  KoiLab lab;
};

}  // namespace koi::lab
