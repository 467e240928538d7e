// SPDX-License-Identifier: Apache-2.0
// The whole configuration as plain values: checked, with every default filled in. Within it, things
// refer to each other by their position in a vector; maps and messages use `number`, which a thing
// keeps for as long as there is one of its name (config/numbers.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/prefix.h"
#include "base/time.h"
#include "config/l4_options.h"
#include "config/pool_tls.h"
#include "config/tls_options.h"

namespace koi {

struct NodeConfig {
  std::string name;       // default: the host's name
  std::string interface;  // required
  std::string run = "/run/koi";
  std::string state = "/var/lib/koi";
  std::string bpffs = "/sys/fs/bpf/koi";
};

enum class XdpMode { kAuto, kNative, kGeneric };
enum class XdpAttach { kOnMaster, kAlways };
// Which packets of services are redirected to their worker's CPU: all, those that came in on
// another one, or none.
enum class XdpSteer { kAlways, kElsewhere, kNever };

struct XdpConfig {
  XdpMode mode = XdpMode::kAuto;
  XdpAttach attach = XdpAttach::kOnMaster;
  XdpSteer steer = XdpSteer::kAlways;
  // Of l4 services.
  std::vector<Prefix> tunnel_sources = {};  // at most one a family; default: the interface's own
  uint32_t flows = 262'144;                 // entries of koi_flows
  Duration idle_tcp = std::chrono::minutes(125);
  Duration idle_udp = std::chrono::seconds(30);
};

// Which VIPs the HMAC of an advert covers: the group's first IPv4 VIP alone (ucarp), or all, sorted
// (the BSDs).
enum class CarpHash { kFirst, kAll };

// A group of VIPs that move together: one CARP election.
struct CarpConfig {
  uint32_t number = 0;
  uint8_t vhid = 0;      // 1..255, unique
  std::string password;  // 1..19 bytes, from `password` or the first line of `password_file`
  uint8_t advbase = 1;   // seconds, 1..255
  uint8_t advskew = 0;   // 1/256 seconds, 0..254
  bool preempt = false;
  CarpHash hash = CarpHash::kFirst;
  uint8_t dead_ratio = 3;         // adverts missed before a backup takes over, 1..255
  std::optional<Address> source;  // IPv4 source of adverts; default: the interface's first address
};

struct VipConfig {
  uint32_t number = 0;
  Address address;
  uint32_t group = 0;  // index into Config::carp
};

struct StatsConfig {
  Endpoint listen;
  std::string user;  // "" with an empty password: no authentication
  std::string password;
};

enum class ServiceMode {
  kHttp,
  kTcp,
  kL4,  // not for workers: koi_xdp sends packets on
};

inline const char* ServiceModeName(ServiceMode mode) {
  switch (mode) {
    case ServiceMode::kHttp: return "http";
    case ServiceMode::kTcp: return "tcp";
    case ServiceMode::kL4: return "l4";
  }
  return "";
}

// What a service does with its clients' TLS: nothing, since there is none; end it; pass it on.
enum class TlsMode { kOff, kTerminate, kPassthrough };

// As it is written in a configuration.
inline const char* TlsModeName(TlsMode mode) {
  switch (mode) {
    case TlsMode::kOff: return "off";
    case TlsMode::kTerminate: return "terminate";
    case TlsMode::kPassthrough: return "passthrough";
  }
  return "";
}

// Clients that ask for one of these names are for another pool than their service's.
struct RouteConfig {
  std::vector<std::string> sni;  // lower case; "*.b.example" is every name below b.example
  uint32_t pool = 0;             // index into Config::pools
};

struct CertificateConfig {
  std::string chain_file;
  std::string key_file;
  std::string ocsp_file = {};  // "": nothing is stapled

  bool operator==(const CertificateConfig&) const = default;
};

// How long a worker waits for a client, from then on without the bytes it waits for.
struct ServiceTimeouts {
  Duration handshake = std::chrono::seconds(10);  // from accept(2)
  Duration head = std::chrono::seconds(10);       // for a whole head, from its first byte
  Duration idle = std::chrono::minutes(1);        // between two requests
  Duration body = std::chrono::seconds(30);       // for a byte more of a body, either way
  Duration tunnel = std::chrono::hours(1);        // in tcp mode and after an upgrade, either way
  // Of what has begun when the connection must not go on: its worker or its service ends.
  Duration drain = std::chrono::minutes(5);

  bool operator==(const ServiceTimeouts&) const = default;
};

// What a client may send; more is refused.
struct ServiceLimits {
  uint32_t head_bytes = 16'384;          // of a request, and of a response from a backend
  uint32_t headers = 100;                // likewise
  uint64_t body_bytes = 0;               // of a request; 0: any
  uint32_t body_rate = 100;              // bytes a second that a body must have on average; 0: any
  uint32_t requests_per_connection = 0;  // 0: any

  bool operator==(const ServiceLimits&) const = default;
};

// In which headers backends are told of the client. Of X-Forwarded-For and its siblings, or of
// RFC 7239's Forwarded, what comes from elsewhere than a trusted proxy is dropped in any case.
enum class ForwardedHeaders { kXForwarded, kRfc7239, kBoth, kOff };

// X-Request-Id: made by koi unless a trusted proxy has sent one.
enum class RequestIdHeader {
  kOff,      // passed on as it comes
  kForward,  // to the backend
  kReturn,   // likewise, and to the client
};

// Which protocols a connection may switch to (RFC 9110 7.8). Never h2c, which would carry requests
// past koi.
enum class Upgrades { kWebSocket, kAny, kOff };

struct HttpOptions {
  ForwardedHeaders forwarded = ForwardedHeaders::kXForwarded;
  RequestIdHeader request_id = RequestIdHeader::kOff;
  Upgrades upgrade = Upgrades::kWebSocket;

  bool operator==(const HttpOptions&) const = default;
};

// ServiceConfig::access_log for koid's own standard output; a file has a "/" in its path.
constexpr char kAccessLogStdout[] = "stdout";

struct ServiceConfig {
  uint32_t number = 0;
  std::string name = {};
  ServiceMode mode = ServiceMode::kHttp;
  std::vector<Endpoint> listen = {};  // each address is a VIP; port 0 (only l4): any
  L4Protocols protocols = {};         // only l4
  TlsMode tls = TlsMode::kOff;
  std::vector<CertificateConfig> certificates = {};
  std::string certificates_folder = {};  // each NAME.pem in it is one more; "" for none
  TlsOptions tls_options = {};
  std::string client_ca_file = {};  // with tls_options.client_certificates
  bool self_signed = false;         // koi makes the certificate, if need be
  bool redirect_to_https = false;   // then there is no pool
  // Index into Config::pools; none with redirect_to_https, and where nothing but `routes` counts.
  std::optional<uint32_t> pool = {};
  bool welcome_when_empty = false;
  std::string access_log = {};  // where its lines go; "": there are none
  ServiceTimeouts timeouts = {};
  ServiceLimits limits = {};
  std::vector<Prefix> accept_proxy = {};     // who begins connections with a PROXY header
  std::vector<RouteConfig> routes = {};      // only with TlsMode::kPassthrough
  std::vector<Prefix> trusted_proxies = {};  // whose word about clients is taken
  HttpOptions http = {};

  bool is_l4() const { return mode == ServiceMode::kL4; }
};

// What stands in front of a client's bytes on the way to a backend: who it is, as the PROXY
// protocol tells it.
enum class SendProxy { kOff, kV1, kV2 };

// As it is written in a configuration.
inline const char* SendProxyName(SendProxy version) {
  switch (version) {
    case SendProxy::kOff: return "off";
    case SendProxy::kV1: return "v1";
    case SendProxy::kV2: return "v2";
  }
  return "";
}

struct CheckConfig {
  Duration interval = std::chrono::seconds(2);
  Duration timeout = std::chrono::seconds(1);
  uint32_t rise = 2;  // successes that make a down backend up; the very first check decides alone
  uint32_t fall = 3;
  SendProxy send_proxy = SendProxy::kOff;  // the pool's: a check sends a header that names nobody

  bool operator==(const CheckConfig&) const = default;
};

struct BackendConfig {
  std::string name;
  Endpoint endpoint;  // of an l4 pool: its port is that of health checks alone
  uint32_t weight = 100;
  uint32_t max_connections = 0;  // over all workers; 0: as PoolLimits has it
  // What the CLI changed (config/state.h); a file says neither.
  bool from_cli = false;
  bool draining = false;
};

enum class Balance { kRoundRobin, kLeastConnections, kRandomTwo };

inline const char* BalanceName(Balance balance) {
  switch (balance) {
    case Balance::kRoundRobin: return "round-robin";
    case Balance::kLeastConnections: return "least-connections";
    case Balance::kRandomTwo: return "random-two";
  }
  return "";
}

// How long a worker waits for a backend.
struct PoolTimeouts {
  Duration connect = std::chrono::seconds(5);    // then the next one is tried
  Duration response = std::chrono::seconds(60);  // for a byte more, once it has the request
  // Of a connection that is kept for the next request. Under the 60 s and more that most servers
  // wait, so that they rarely close under a request.
  Duration idle = std::chrono::seconds(30);
  Duration queue = std::chrono::seconds(5);  // for a backend that takes one more connection

  bool operator==(const PoolTimeouts&) const = default;
};

// How much the backends of a pool get at once, over all workers.
struct PoolLimits {
  uint32_t connections = 0;        // in use to each backend; 0: any number
  uint32_t queue = 1000;           // requests and connections that wait for one
  uint32_t idle_connections = 32;  // kept to each backend by a worker

  bool operator==(const PoolLimits&) const = default;
};

struct PoolConfig {
  uint32_t number = 0;
  std::string name;
  Balance balance = Balance::kRoundRobin;
  SendProxy send_proxy = SendProxy::kOff;
  CheckConfig check = {};
  PoolTimeouts timeouts = {};
  bool has_tls = false;  // it is spoken to the backends
  PoolTls tls = {};
  PoolTlsFiles tls_files = {};
  PoolLimits limits = {};
  Duration slow_start = {};  // from its first share to the whole of it; 0: at once
  L4PoolOptions l4 = {};     // then what is for workers (balance, tls, limits, ...) does not count
  std::vector<BackendConfig> backends = {};

  bool is_l4() const { return l4.forward != Forward::kNone; }
};

// Session tickets, of all services.
struct TicketConfig {
  Duration rotation = std::chrono::hours(1);  // the age at which a key is replaced
  std::string secret = {};  // that keys are derived from, on all hosts that share it; "": random
};

struct Config {
  NodeConfig node;
  XdpConfig xdp;
  std::vector<CarpConfig> carp;
  std::vector<VipConfig> vips;
  std::optional<StatsConfig> stats;
  TicketConfig tickets = {};
  std::vector<ServiceConfig> services;
  std::vector<PoolConfig> pools;
};

}  // namespace koi
