// SPDX-License-Identifier: Apache-2.0
// A BPF object of the test's own, pinned where nobody else sees it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/check.h"
#include "dataplane/bpffs.h"
#include "dataplane/loader.h"
#include "support/packet/sandbox.h"

namespace koi {

class LoadedObject {
 public:
  LoadedObject() : directory_(NewPinDirectory()) {
    auto object = BpfObject::Load(directory_, ExistingMaps::kReplace);
    if (!object.ok()) ADD_FAILURE() << object.status();
    KOI_CHECK(object.ok());
    object_ = *std::move(object);
  }
  ~LoadedObject() { EXPECT_EQ(RemovePins(directory_), absl::OkStatus()); }

  BpfObject& operator*() { return *object_; }
  BpfObject* operator->() { return object_.get(); }
  const std::string& directory() const { return directory_; }
  Fd MapFd(const std::string& name) const {
    absl::StatusOr<Fd> fd = object_->MapFd(name);
    KOI_CHECK(fd.ok());
    return *std::move(fd);
  }

 private:
  std::string directory_;
  std::unique_ptr<BpfObject> object_;
};

}  // namespace koi
