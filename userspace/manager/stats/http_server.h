// SPDX-License-Identifier: Apache-2.0
// An HTTP server for a few administrative clients, in the process's own event loop and thread:
// libmicrohttpd parses, this class turns it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "net/event_loop.h"

struct MHD_Connection;
struct MHD_Daemon;

namespace koi {

struct HttpRequest {
  std::string method = {};
  std::string path = {};  // decoded, without the query
  std::string body = {};
  std::string peer = {};  // of a Unix socket: "uid=0 pid=1234"; else ""
  int64_t peer_uid = -1;  // of the same; -1 where there is none
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};

  // Where this is set, the response is not known yet, and this says nothing else: it is called at
  // once with whom to give the response to, once, now or from the loop. The client waits.
  using Answer = std::function<void(HttpResponse)>;
  std::function<void(Answer answer)> later = {};
};

// Called in the loop's thread for each whole request. Must not destroy the server.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  struct Options {
    // Basic authentication; with an empty user nobody is asked.
    std::string user = {};
    std::string password = {};
    std::vector<std::string> open_paths = {};  // for which nobody is asked either
    // A larger body is answered with 413 or a closed connection.
    size_t body_limit_bytes = 65'536;
    unsigned connection_limit = 64;  // further ones wait in the listener's queue
    unsigned idle_limit_seconds = 30;
  };

  // Serves the connections of `listener`, a non-blocking TCP or Unix socket, which it takes over.
  // `loop` must outlive it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(EventLoop& loop, Fd listener,
                                                           Options options, HttpHandler handler);
  // Closes its connections, answered or not.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  friend struct HttpServerCallbacks;

  HttpServer(EventLoop& loop, Options options, HttpHandler handler)
      : loop_(loop), options_(std::move(options)), handler_(std::move(handler)) {}
  absl::Status StartDaemon(const Fd& listener);
  void Turn();

  EventLoop& loop_;
  Options options_;
  HttpHandler handler_;
  MHD_Daemon* daemon_ = nullptr;
  struct Waiting;  // a client whose response is not known yet
  void Resume(Waiting& waiting);
  std::vector<std::shared_ptr<Waiting>> waiting_;
  EventLoop::Watch watch_;
  EventLoop::Timer timer_;
};

}  // namespace koi
