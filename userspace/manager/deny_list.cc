// SPDX-License-Identifier: Apache-2.0
// Keeping the list of denied clients, and changing it in the background.
#include "manager/deny_list.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "manager/set_aside.h"

namespace koi {
namespace {

constexpr int kDenyFileMode = 0600;
constexpr int kDenyFolderMode = 0700;
constexpr size_t kMaxDenyFileBytes = 32 << 20;

// What stands in the file `path`. An error says why it cannot be used, and where.
absl::StatusOr<std::vector<DenyEntry>> ReadDenyFile(const std::string& path) {
  KOI_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxDenyFileBytes));
  DenyText parsed = ParseDenyText(path, text);
  if (parsed.errors.empty()) return std::move(parsed.entries);
  return absl::InvalidArgumentError(
      absl::StrCat(parsed.errors.front(), " (", parsed.errors.size(), " errors)"));
}

absl::Status KeepDenied(const std::string& path, const std::vector<DenyEntry>& entries) {
  absl::Status kept = MakeDirectories(path.substr(0, path.rfind('/')), kDenyFolderMode);
  if (kept.ok()) kept = WriteFile(path, FormatDenyText(entries), kDenyFileMode);
  if (kept.ok()) return kept;
  return absl::ResourceExhaustedError(
      absl::StrCat("nothing was changed, since it could not be kept: ", kept.message()));
}

// The file first: what is in force must last. All or nothing.
absl::Status MakeDenied(const std::string& path, DenyMap& map, const std::vector<DenyEntry>& before,
                        const DenyChange& change) {
  if (change.added.empty() && change.removed.empty()) return absl::OkStatus();
  KOI_RETURN_IF_ERROR(KeepDenied(path, change.after));
  absl::Status made = map.Add(change.added);
  if (made.ok()) made = map.Remove(change.removed);
  if (made.ok()) return made;
  (void)map.Add(change.removed);
  (void)map.Remove(change.added);
  (void)KeepDenied(path, before);
  return made;
}

}  // namespace

DenyList::DenyList(EventLoop& loop, const std::string& folder, DenyMap map, SetAsked set_asked)
    : loop_(loop),
      path_(absl::StrCat(folder, "/", kDenyFileName)),
      map_(std::move(map)),
      set_asked_(std::move(set_asked)) {}

void DenyList::SetUp(SetUpDone done) {
  const auto warning = std::make_shared<std::string>();
  jobs_.push_back({[this, warning](const std::atomic<bool>&) { *warning = TakeUp(); },
                   [this, warning, done = std::move(done)](const absl::Status& begun) {
                     absl::Status status = begun;
                     if (status.ok()) status = set_asked_(!entries_.empty());
                     if (!status.ok()) *warning = std::string(status.message());
                     done(*warning);
                   }});
  if (jobs_.size() == 1) Begin();
}

std::string DenyList::TakeUp() {
  absl::StatusOr<std::vector<DenyEntry>> present = map_.List();
  if (!present.ok()) return absl::StrCat("the deny list is lost: ", present.status().message());
  entries_ = *std::move(present);
  SortDenyEntries(entries_);
  const absl::Status used = UseFile();
  if (used.ok()) return "";
  std::string warning;
  if (!absl::IsNotFound(used)) {
    const absl::StatusOr<std::string> aside = SetAside(path_);
    warning = absl::StrCat(
        entries_.empty() ? "the deny list was lost: " : "the deny list is that of before: ",
        used.message(), "; ",
        aside.ok() ? absl::StrCat("the file is now ", *aside) : aside.status().message());
  }
  const absl::Status kept = entries_.empty() ? absl::OkStatus() : KeepDenied(path_, entries_);
  if (!kept.ok()) absl::StrAppend(&warning, warning.empty() ? "" : "; ", kept.message());
  return warning;
}

absl::Status DenyList::UseFile() {
  KOI_ASSIGN_OR_RETURN(std::vector<DenyEntry> kept, ReadDenyFile(path_));
  DenyOrder order{.replace = true};
  for (const DenyEntry& entry : kept) order.prefixes.push_back(entry.prefix);
  KOI_ASSIGN_OR_RETURN(const DenyChange change,
                       ChangeDenied(entries_, DenyVerb::kAdd, order, 0, DenyMap::room()));
  std::vector<DenyEntry> differing;  // also in their time
  std::set_difference(kept.begin(), kept.end(), entries_.begin(), entries_.end(),
                      std::back_inserter(differing));
  KOI_RETURN_IF_ERROR(map_.Add(differing));
  KOI_RETURN_IF_ERROR(map_.Remove(change.removed));
  entries_ = std::move(kept);
  return absl::OkStatus();
}

void DenyList::Change(DenyVerb verb, std::string order, ChangeDone done) {
  struct Result {
    absl::Status status;
    DenyChange change;
  };
  const auto result = std::make_shared<Result>();
  const auto work = [this, verb, result, order = std::move(order)](const std::atomic<bool>&) {
    const absl::StatusOr<DenyOrder> decoded = DecodeDenyOrder(order);
    absl::StatusOr<DenyChange> change =
        decoded.ok() ? ChangeDenied(entries_, verb, *decoded,
                                    static_cast<uint32_t>(std::time(nullptr)), DenyMap::room())
                     : decoded.status();
    result->status = change.ok() ? MakeDenied(path_, map_, entries_, *change) : change.status();
    if (result->status.ok()) result->change = *std::move(change);
  };
  const auto finish = [this, result, done = std::move(done)](const absl::Status& begun) {
    const absl::Status& status = begun.ok() ? result->status : begun;
    if (!status.ok()) return done(status);
    entries_ = std::move(result->change.after);
    const absl::Status asked = set_asked_(!entries_.empty());
    if (!asked.ok()) return done(Annotate(asked, "kept, but not in force"));
    done(result->change.report);
  };
  jobs_.push_back({work, finish});
  if (jobs_.size() == 1) Begin();
}

void DenyList::List(ListDone done) {
  const auto json = std::make_shared<std::string>();
  jobs_.push_back({[this, json](const std::atomic<bool>&) {
                     *json = EncodeJson(DenyListing{.denied = entries_});
                   },
                   [json, done = std::move(done)](const absl::Status& begun) {
                     if (!begun.ok()) return done(begun);
                     done(std::move(*json));
                   }});
  if (jobs_.size() == 1) Begin();
}

void DenyList::Begin() {
  const auto end = [this](const absl::Status& begun) {
    task_.reset();
    const Job job = std::move(jobs_.front());
    job.finish(begun);
    jobs_.pop_front();
    if (!jobs_.empty()) Begin();
  };
  auto task = BackgroundTask::Start(loop_, jobs_.front().work, [end] { end(absl::OkStatus()); });
  if (!task.ok()) return end(task.status());
  task_ = *std::move(task);
}

}  // namespace koi
