// SPDX-License-Identifier: Apache-2.0
// Who is told that something it waits for may have happened.
#pragma once

namespace koi {

class Waker {
 public:
  // May destroy the caller: nothing of it may be touched afterwards.
  virtual void Wake() = 0;

 protected:
  ~Waker() = default;
};

}  // namespace koi
