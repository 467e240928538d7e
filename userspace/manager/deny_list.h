// SPDX-License-Identifier: Apache-2.0
// The clients that get nothing from any VIP, as the CLI has named them: kept in a file, in force by
// the maps.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/deny_list.h"
#include "dataplane/deny_map.h"
#include "manager/deny_change.h"
#include "net/background_task.h"
#include "net/event_loop.h"

namespace koi {

constexpr char kDenyFileName[] = "deny.list";  // in the folder node.state

class DenyList {
 public:
  // Has the programs ask the maps, or not.
  using SetAsked = std::function<absl::Status(bool asked)>;

  // The file is in `folder`. `loop` outlives it.
  DenyList(EventLoop& loop, const std::string& folder, DenyMap map, SetAsked set_asked);

  // At the start: makes the maps what the file says, before anything that is asked later. A file
  // that cannot be used is set aside; where there is none, what an earlier manager put into the
  // maps stays and is written. Calls `done` with a sentence for the operator, or "".
  using SetUpDone = std::function<void(const std::string& warning)>;
  void SetUp(SetUpDone done);

  // Carries out `order`, a DenyOrder as JSON, which is decoded where it takes no time from the
  // loop. Changes and listings are done one after the other. `done` is called once, from the loop,
  // when the change is kept and in force, or neither: with what ChangeDenied() says,
  // InvalidArgument for another order, ResourceExhausted when it cannot be kept.
  using ChangeDone = std::function<void(const absl::StatusOr<DenyReport>&)>;
  void Change(DenyVerb verb, std::string order, ChangeDone done);

  // Calls `done` with a DenyListing as JSON.
  using ListDone = std::function<void(const absl::StatusOr<std::string>& json)>;
  void List(ListDone done);

 private:
  // The work of SetUp(); its warning.
  std::string TakeUp();
  // Makes the maps what the file says. An error says why that cannot be; NotFound: it is not there.
  absl::Status UseFile();

  // Done in the background, then `finish` in the loop.
  struct Job {
    std::function<void(const std::atomic<bool>& stopped)> work;
    std::function<void(const absl::Status& begun)> finish;
  };
  void Begin();

  EventLoop& loop_;
  const std::string path_;
  DenyMap map_;  // a job's while one runs
  const SetAsked set_asked_;
  std::vector<DenyEntry> entries_;  // likewise
  std::deque<Job> jobs_;            // the first one runs
  std::unique_ptr<BackgroundTask> task_;
};

}  // namespace koi
