// SPDX-License-Identifier: Apache-2.0
// A thread that ends with a write to an eventfd.
#include "net/background_task.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace koi {

absl::StatusOr<std::unique_ptr<BackgroundTask>> BackgroundTask::Start(EventLoop& loop, Work work,
                                                                      std::function<void()> done) {
  Fd ended(::eventfd(0, EFD_CLOEXEC));
  if (!ended.valid()) return absl::ErrnoToStatus(errno, "cannot create an eventfd");
  std::unique_ptr<BackgroundTask> task(new BackgroundTask(std::move(ended), std::move(done)));
  BackgroundTask* const raw = task.get();
  KOI_ASSIGN_OR_RETURN(task->watch_,
                       loop.Add(raw->ended_.get(), EPOLLIN, [raw](uint32_t) { raw->End(); }));
  try {
    task->thread_ = std::thread([raw, work = std::move(work)] {
      work(raw->stopped_);
      KOI_CHECK(::eventfd_write(raw->ended_.get(), 1) == 0);
    });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot start a thread: ", error.what()));
  }
  return task;
}

BackgroundTask::~BackgroundTask() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

void BackgroundTask::End() {
  watch_.Stop();
  thread_.join();
  const std::function<void()> done = std::move(done_);
  done();
}

}  // namespace koi
