// SPDX-License-Identifier: Apache-2.0
// Opening, changing and closing endpoints.
#include "manager/endpoints.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "net/socket.h"

namespace koi {

absl::Status Endpoints::Bind(const std::string& run_directory,
                             const std::optional<StatsConfig>& stats) {
  KOI_RETURN_IF_ERROR(MakeDirectories(run_directory));
  control_path_ = absl::StrCat(run_directory, "/koi.sock");
  KOI_ASSIGN_OR_RETURN(control_listener_, ListenUnix(control_path_));
  return PrepareStats(stats);
}

absl::Status Endpoints::Serve(ControlActions& actions) {
  actions_ = &actions;
  HttpServer::Options options;
  options.body_limit_bytes = kMaxControlBodyBytes;
  KOI_ASSIGN_OR_RETURN(control_, HttpServer::Start(loop_, std::move(control_listener_),
                                                   std::move(options), ControlHandler(actions)));
  CommitStats();
  return absl::OkStatus();
}

void Endpoints::CloseControl() {
  if (control_ != nullptr || control_listener_.valid()) (void)::unlink(control_path_.c_str());
}

absl::Status Endpoints::PrepareStats(const std::optional<StatsConfig>& stats) {
  prepared_.reset();
  Served served{.config = stats, .listener = Fd(), .server = nullptr};
  if (stats.has_value()) {
    const bool stays = stats_.config.has_value() && stats_.config->listen == stats->listen;
    absl::StatusOr<Fd> listener = stays ? stats_.listener.Duplicate() : ListenTcp(stats->listen);
    if (!listener.ok()) return Annotate(listener.status(), "stats endpoint");
    served.listener = *std::move(listener);
  }
  prepared_ = std::move(served);
  return absl::OkStatus();
}

void Endpoints::CommitStats() {
  if (!prepared_.has_value()) return;
  stats_ = {};  // two servers on one listener would both be woken for each client
  stats_ = *std::exchange(prepared_, std::nullopt);
  if (!stats_.config.has_value()) return;
  HttpServer::Options options;
  options.user = stats_.config->user;
  options.password = stats_.config->password;
  options.open_paths = {kHealthPath};
  absl::StatusOr<Fd> listener = stats_.listener.Duplicate();
  if (listener.ok()) {
    auto server =
        HttpServer::Start(loop_, *std::move(listener), std::move(options), StatsHandler(*actions_));
    if (server.ok()) {
      stats_.server = *std::move(server);
      return;
    }
    listener = server.status();
  }
  LogError("statistics are not served", {{"why", listener.status().message()}});
}

}  // namespace koi
