// SPDX-License-Identifier: Apache-2.0
// Between koi-manager and a koi-worker: JSON texts, descriptors beside them.
//
//   manager                      worker
//   WorkerWelcome + 5 fds   -->
//   WorkerPeers + fds       -->  as many as it takes
//   WorkerService (each)    -->   its certificates in a memory file beside it
//   WorkerTrust             -->  in as many messages as it takes, before the pools that name it
//   WorkerPool (each)       -->
//   WorkerStart             -->
//                           <--  WorkerReady, or WorkerFailed and it exits
//   and as often as the services change, or another manager meets this worker:
//   WorkerWelcome           -->  forgets what an unfinished change has left; the rest of it counts
//                                at the start alone
//   WorkerService (each)    -->
//   WorkerTrust, WorkerPool (each)
//   WorkerStart             -->  takes these services and pools in place of all it had
//                           <--  WorkerReady, or WorkerFailed, and it goes on with those it had
//   WorkerDrain             -->  stops accepting, ends when its connections have ended or the limit
//                                is over, which cuts the rest; the first limit stands
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/address.h"
#include "base/fd.h"
#include "config/config.h"

namespace koi {

// The descriptors of a WorkerWelcome, in this order.
enum WorkerFd {
  kWorkerListener4Fd,
  kWorkerListener6Fd,
  kWorkerBackendsMapFd,
  kWorkerOwnMapFd,
  kWorkerAccessLogFd,  // the writing end of a pipe: protocol/access_lines.h
  kWorkerFdCount
};

struct WorkerWelcome {
  int cpu = 0;
  std::string node_name = {};
  uint64_t revision = 0;  // of the services that follow: repeated in the answer
  uint32_t seat = 0;      // of its map, to write in
};

// Beside it are the maps koi_worker_N of up to kPeersInMessage other CPUs, to be read.
struct WorkerPeers {};
constexpr size_t kPeersInMessage = 16;

// What is for another pool than its service's.
struct WorkerRoute {
  std::vector<std::string> sni = {};  // as RouteConfig has it
  uint32_t pool = 0;                  // its number

  bool operator==(const WorkerRoute&) const = default;
};

// A sealed memory file (base/sealed_file.h) beside a message, for what is too large for one.
struct MessageFile {
  std::string digest = {};                   // of what is in it; "" where there is no file
  std::shared_ptr<const Fd> file = nullptr;  // the message has only the digest

  bool operator==(const MessageFile& other) const { return digest == other.digest; }
};

struct WorkerService {
  uint32_t number = 0;  // of the service
  std::string name = {};
  ServiceMode mode = ServiceMode::kHttp;
  std::vector<Endpoint> listen = {};
  TlsMode tls = TlsMode::kOff;
  TlsOptions tls_options = {};     // where TLS ends, like the next two
  std::string client_ca_pem = {};  // whose certificates clients may have
  MessageFile certificates = {};   // a bundle (tls/certificate_bundle.h)
  Duration ticket_lifetime = {};
  bool redirect_to_https = false;
  std::string welcome_page = {};  // HTML, answered with 200 while the pool has no backend; "": 503
  uint32_t pool = 0;              // number of the pool whose backends it uses, unless it redirects
  bool access_log = false;
  ServiceTimeouts timeouts = {};
  ServiceLimits limits = {};
  std::vector<WorkerRoute> routes = {};
  bool routes_only = false;  // what none of them is for has no pool
  std::vector<Prefix> accept_proxy = {};
  std::vector<Prefix> trusted_proxies = {};
  HttpOptions http = {};

  bool operator==(const WorkerService&) const = default;
};

// How the backends of a pool are used; which there are is in koi_backends.
// Certificates that may vouch for backends. A message has the digest alone: see WorkerTrust.
struct TrustedText {
  std::string digest = {};  // of the text; "": nobody is trusted
  std::shared_ptr<const std::string> pem = nullptr;

  bool operator==(const TrustedText& other) const { return digest == other.digest; }
};

struct WorkerPoolTls {
  bool verify = true;
  std::string name = {};  // as PoolTls has it, like the next two
  std::string sni = {};
  SniSource sni_from = SniSource::kFixed;
  bool tls12 = true;
  bool tls13 = true;
  TrustedText trust = {};      // with `verify`
  std::string chain_pem = {};  // koi's own certificate; "": none
  std::string key_pem = {};

  bool operator==(const WorkerPoolTls&) const = default;
};

struct WorkerPool {
  uint32_t number = 0;  // of the pool
  std::string name = {};
  Balance balance = Balance::kRoundRobin;
  Duration slow_start = {};  // a backend's way to its whole share
  SendProxy send_proxy = SendProxy::kOff;
  PoolTimeouts timeouts = {};
  PoolLimits limits = {};  // its connections stand in koi_backends
  bool has_tls = false;    // it is spoken to the backends
  WorkerPoolTls tls = {};

  bool operator==(const WorkerPool&) const = default;
};

// A TrustedText, which is too long for one message and often the same for many pools. Parts of one
// digest are put together.
constexpr size_t kTrustPartBytes = size_t{64} << 10;
struct WorkerTrust {
  std::string digest = {};  // of the whole
  std::string pem = {};
};

// The keys of session tickets (tls/ticket_keys.h) from now on, of all services; at any time. A
// worker that is not told any makes its own.
struct WorkerTicketKeys {
  std::string keys = {};  // in hexadecimal
};

// Without a WorkerWelcome before it, a question to a worker that serves.
struct WorkerStart {};

struct WorkerDrain {
  int64_t limit_ms = 0;
};

struct WorkerReady {
  uint64_t revision = 0;  // of the services that it has now
  uint32_t seat = 0;
  bool draining = false;  // it was told to before, and takes no services any more
};

struct WorkerFailed {
  std::string why = {};
  uint64_t revision = 0;  // of the services that it cannot have
  bool serving = false;   // it goes on with those it had; else it ends
};

using WorkerMessage =
    std::variant<WorkerWelcome, WorkerPeers, WorkerService, WorkerTrust, WorkerPool,
                 WorkerTicketKeys, WorkerStart, WorkerDrain, WorkerReady, WorkerFailed>;

// The descriptors that go beside `service`.
std::vector<int> DescriptorsOf(const WorkerService& service);

std::string EncodeWorkerMessage(const WorkerMessage& message);
// InvalidArgument with what is wrong: the worker trusts its manager's intent, not its bytes, and
// the manager trusts neither of a worker.
absl::StatusOr<WorkerMessage> DecodeWorkerMessage(absl::string_view bytes);

}  // namespace koi
