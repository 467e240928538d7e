// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd without a thread of its own: its epoll descriptor is watched by our loop.
#include "manager/stats/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr char kRealm[] = "koi";

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using ResponsePtr = std::unique_ptr<MHD_Response, ResponseDeleter>;

ResponsePtr MakeResponse(const std::string& body, const std::string& content_type) {
  // Copied by the library: the mode decides, the cast is for its C signature.
  ResponsePtr response(MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()),
                                                       MHD_RESPMEM_MUST_COPY));
  if (response == nullptr) return nullptr;
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, content_type.c_str());
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  return response;
}

MHD_Result Queue(MHD_Connection* connection, const HttpResponse& answer) {
  const ResponsePtr response = MakeResponse(answer.body, answer.content_type);
  if (response == nullptr) return MHD_NO;
  return MHD_queue_response(connection, static_cast<unsigned>(answer.status), response.get());
}

// Takes as long for any `given` of one length: a client learns nothing of `secret` from the time.
bool EqualInConstantTime(absl::string_view secret, absl::string_view given) {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(expected ^ given[i]);
  }
  return difference == 0;
}

bool Authenticated(MHD_Connection* connection, const HttpServer::Options& options) {
  char* password = nullptr;
  char* user = MHD_basic_auth_get_username_password(connection, &password);
  const bool user_right =
      user != nullptr && EqualInConstantTime(options.user, absl::string_view(user));
  const bool password_right =
      password != nullptr && EqualInConstantTime(options.password, absl::string_view(password));
  MHD_free(user);
  MHD_free(password);
  return user_right && password_right;
}

// Notes the process that connected to a Unix socket; nothing for other sockets.
void NotePeer(MHD_Connection* connection, HttpRequest& request) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info == nullptr) return;
  int domain = 0;
  socklen_t bytes = sizeof(domain);
  if (::getsockopt(info->connect_fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 ||
      domain != AF_UNIX) {
    return;
  }
  ucred peer = {};
  bytes = sizeof(peer);
  if (::getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return;
  request.peer = absl::StrCat("uid=", peer.uid, " pid=", peer.pid);
  request.peer_uid = peer.uid;
}

unsigned Connections(MHD_Daemon* daemon) {
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info == nullptr ? 0 : info->num_connections;
}

// Whether the client says that its body is larger than `limit_bytes`.
bool AnnouncesMore(MHD_Connection* connection, size_t limit_bytes) {
  const char* length =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  uint64_t announced = 0;
  return length != nullptr && (!absl::SimpleAtoi(length, &announced) || announced > limit_bytes);
}

}  // namespace

struct HttpServer::Waiting {
  MHD_Connection* connection = nullptr;  // null once it is closed
  std::optional<HttpResponse> response;
  bool suspended = false;
};

// The library's callbacks: plain functions that get the server as a pointer.
struct HttpServerCallbacks {
  // What is known of a request. Owned by libmicrohttpd's request pointer.
  struct Exchange {
    std::string body;
    std::shared_ptr<HttpServer::Waiting> waiting;  // its response comes later
  };

  // Called with the head of a request, then with each piece of its body, then once more.
  static MHD_Result Handle(void* server, MHD_Connection* connection, const char* url,
                           const char* method, const char* /*version*/, const char* upload,
                           size_t* upload_bytes, void** request) {
    auto& self = *static_cast<HttpServer*>(server);
    auto* exchange = static_cast<Exchange*>(*request);
    if (exchange == nullptr) return Begin(self, connection, url, request);
    if (*upload_bytes > 0) {
      // The library offers no answer while a body arrives: one that is larger than announced, or
      // too large without being announced, ends the connection.
      if (exchange->body.size() + *upload_bytes > self.options_.body_limit_bytes) return MHD_NO;
      exchange->body.append(upload, *upload_bytes);
      *upload_bytes = 0;
      return MHD_YES;
    }
    if (exchange->waiting != nullptr) return QueueOrWait(connection, *exchange->waiting);
    HttpRequest request_read{.method = method, .path = url, .body = std::move(exchange->body)};
    NotePeer(connection, request_read);
    HttpResponse response = self.handler_(request_read);
    if (response.later == nullptr) return Queue(connection, response);
    return AskLater(self, connection, *exchange, response.later);
  }

  static MHD_Result AskLater(HttpServer& self, MHD_Connection* connection, Exchange& exchange,
                             const std::function<void(HttpResponse::Answer)>& later) {
    auto waiting = std::make_shared<HttpServer::Waiting>();
    waiting->connection = connection;
    exchange.waiting = waiting;
    self.waiting_.push_back(waiting);
    later([&self, waiting](HttpResponse response) {
      if (waiting->connection == nullptr)
        return;  // nobody waits any more, perhaps no server either
      waiting->response = std::move(response);
      if (waiting->suspended) self.Resume(*waiting);
    });
    return QueueOrWait(connection, *waiting);
  }

  // Called again once the connection is resumed.
  static MHD_Result QueueOrWait(MHD_Connection* connection, HttpServer::Waiting& waiting) {
    if (waiting.response.has_value()) return Queue(connection, *waiting.response);
    waiting.suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
  }

  static MHD_Result Begin(HttpServer& self, MHD_Connection* connection, absl::string_view path,
                          void** request) {
    const HttpServer::Options& options = self.options_;
    const bool open = options.user.empty() ||
                      std::find(options.open_paths.begin(), options.open_paths.end(), path) !=
                          options.open_paths.end();
    if (!open && !Authenticated(connection, options)) {
      const ResponsePtr response =
          MakeResponse("A password is needed.\n", HttpResponse().content_type);
      if (response == nullptr) return MHD_NO;
      return MHD_queue_basic_auth_fail_response(connection, kRealm, response.get());
    }
    if (AnnouncesMore(connection, options.body_limit_bytes)) {
      return Queue(connection, {.status = MHD_HTTP_CONTENT_TOO_LARGE,
                                .body = absl::StrCat("A body has at most ",
                                                     options.body_limit_bytes, " bytes.\n")});
    }
    *request = new Exchange;
    return MHD_YES;
  }

  static void Completed(void* server, MHD_Connection* /*connection*/, void** request,
                        MHD_RequestTerminationCode /*why*/) {
    auto* exchange = static_cast<Exchange*>(*request);
    if (exchange != nullptr && exchange->waiting != nullptr) {
      exchange->waiting->connection = nullptr;
      auto& waiting = static_cast<HttpServer*>(server)->waiting_;
      waiting.erase(std::remove(waiting.begin(), waiting.end(), exchange->waiting), waiting.end());
    }
    delete exchange;
    *request = nullptr;
  }
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(EventLoop& loop, Fd listener,
                                                              Options options,
                                                              HttpHandler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, std::move(options), std::move(handler)));
  KOI_RETURN_IF_ERROR(server->StartDaemon(listener));
  return server;
}

absl::Status HttpServer::StartDaemon(const Fd& listener) {
  // The daemon closes the descriptor it is given, but not always when it fails to start: it gets
  // one of its own.
  KOI_ASSIGN_OR_RETURN(Fd given, listener.Duplicate());
  daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
                             &HttpServerCallbacks::Handle, this, MHD_OPTION_LISTEN_SOCKET,
                             given.get(), MHD_OPTION_CONNECTION_LIMIT, options_.connection_limit,
                             MHD_OPTION_CONNECTION_TIMEOUT, options_.idle_limit_seconds,
                             MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
                             &HttpServerCallbacks::Completed, this, MHD_OPTION_END);
  if (daemon_ == nullptr) return absl::InternalError("cannot start an HTTP server");
  given.Release();
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return absl::InternalError("an HTTP server has no epoll descriptor");
  KOI_ASSIGN_OR_RETURN(watch_, loop_.Add(info->epoll_fd, EPOLLIN, [this](uint32_t) { Turn(); }));
  Turn();
  return absl::OkStatus();
}

HttpServer::~HttpServer() {
  watch_.Stop();
  timer_.Cancel();
  // A daemon may not be stopped with a suspended connection.
  for (const std::shared_ptr<Waiting>& waiting : waiting_) {
    if (!waiting->response.has_value()) waiting->response = HttpResponse{.status = 503};
    if (waiting->suspended) MHD_resume_connection(waiting->connection);
  }
  if (!waiting_.empty()) MHD_run(daemon_);
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

void HttpServer::Resume(Waiting& waiting) {
  waiting.suspended = false;
  MHD_resume_connection(waiting.connection);
  // Not now: whoever answers may be one of this server's own handlers.
  timer_ = loop_.After(Duration::zero(), [this] { Turn(); });
}

void HttpServer::Turn() {
  // A daemon that was full watches its listener again only in the run after the one that closed a
  // connection, and does not ask to be run for that.
  unsigned before = 0;
  do {
    before = Connections(daemon_);
    MHD_run(daemon_);
  } while (Connections(daemon_) < before);
  // Until then the daemon has nothing to do but what its epoll descriptor says; 0 where it has work
  // left over.
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_get_timeout(daemon_, &wait_ms) == MHD_YES) {
    timer_ = loop_.After(std::chrono::milliseconds(wait_ms), [this] { Turn(); });
  } else {
    timer_.Cancel();
  }
}

}  // namespace koi
